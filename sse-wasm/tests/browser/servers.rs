//! What the servers are asked, and what they say of it.

use js_sys::{Array, Promise};
use sse_wasm::Json;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCredentials, RequestInit, Response};

use crate::place::{call, get, global, now, pause, test_timeout};

/// A URL of the contract server.
pub(crate) fn contract(path: &str) -> String {
    url(1, path)
}

/// A URL of the server with faults.
pub(crate) fn faulty(path: &str) -> String {
    url(2, path)
}

fn url(offset: u16, path: &str) -> String {
    let port = get(&global("location"), "port").as_string();
    let port = port.expect("digits");
    #[expect(clippy::disallowed_methods, reason = "the browser's own digits")]
    let port: u16 = port.parse().expect("a number");
    format!("http://127.0.0.1:{}{path}", port + offset)
}

/// The server with faults sets a cookie.
pub(crate) async fn set_cookie(value: &str) {
    let url = faulty(&format!("/cookie?value={value}"));
    ask_with(RequestCredentials::Include, &url).await;
}

/// What a server says.
async fn ask(url: &str) -> String {
    ask_with(RequestCredentials::Omit, url).await
}

async fn ask_with(credentials: RequestCredentials, url: &str) -> String {
    let init = RequestInit::new();
    init.set_credentials(credentials);
    let response = call("fetch", &Array::of2(&url.into(), &init));
    let response = JsFuture::from(response.unchecked_into::<Promise>())
        .await
        .expect("an answer");
    let response: Response = response.unchecked_into();
    let text = response.text().expect("a body");
    let text = JsFuture::from(text).await.expect("a whole body");
    text.as_string().expect("text")
}

/// All connections of the server with faults are cut, and it is not there for so long.
pub(crate) async fn go_down(milliseconds: u32) {
    ask(&faulty(&format!("/down?ms={milliseconds}"))).await;
}

/// What the server with faults is to do with requests: `testkit/src/bin/faulty/script.rs`. Those with
/// one script are counted together.
pub(crate) struct Script {
    key: String,
    /// Where it is played.
    pub(crate) url: String,
}

/// What became of the requests.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) preflights: f64,
    pub(crate) requests: f64,
    pub(crate) open: f64,
    pub(crate) cancelled: f64,
    pub(crate) bytes: f64,
}

impl Script {
    /// A path with parameters.
    pub(crate) fn new(path: &str) -> Self {
        let key = js_sys::Math::random().to_string();
        let url = faulty(&format!("{path}&key={key}"));
        Self { key, url }
    }

    pub(crate) async fn counts(&self) -> Counts {
        let told = ask(&faulty(&format!("/stats?key={}", self.key))).await;
        let told = Json::parse(&told).expect("JSON");
        let number = |name| told.get(name).and_then(|it| it.number()).expect("a number");
        Counts {
            preflights: number("preflights"),
            requests: number("requests"),
            open: number("open"),
            cancelled: number("cancelled"),
            bytes: number("bytes"),
        }
    }

    /// Waits until so many requests were cancelled, and none is open.
    pub(crate) async fn is_cancelled(&self, count: f64) {
        let start = now();
        loop {
            let counts = self.counts().await;
            if counts.open == 0.0 && counts.cancelled == count {
                return;
            }
            assert!(now() - start < test_timeout().into(), "{counts:?}");
            pause(20).await;
        }
    }
}

/// Waits until the contract server has so many open streams.
pub(crate) async fn contract_has_streams(count: u32) {
    let start = now();
    while ask(&contract("/stats")).await != format!("{{\"active\": {count}}}") {
        assert!(now() - start < test_timeout().into(), "not {count} streams");
        pause(20).await;
    }
}

/// Bytes as part of a query.
pub(crate) fn escape(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref().iter();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}
