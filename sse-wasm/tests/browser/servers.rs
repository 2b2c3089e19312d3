//! Requests to the test servers, and their statistics.

use js_sys::{Array, Promise};
use sse_wasm::Json;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCredentials, RequestInit, Response};

use crate::environment::{call, get, global, now, pause, test_timeout};

/// Returns a URL of the contract server.
pub(crate) fn contract(path: &str) -> String {
    url(1, path)
}

/// Returns a URL of the server with faults.
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

/// Makes the server with faults set a cookie.
pub(crate) async fn set_cookie(value: &str) {
    let url = faulty(&format!("/cookie?value={value}"));
    get_text_with(RequestCredentials::Include, &url).await;
}

/// Returns the body of a response of a server.
async fn get_text(url: &str) -> String {
    get_text_with(RequestCredentials::Omit, url).await
}

async fn get_text_with(credentials: RequestCredentials, url: &str) -> String {
    let init = RequestInit::new();
    init.set_credentials(credentials);
    let response = call("fetch", &Array::of2(&url.into(), &init));
    let response = JsFuture::from(response.unchecked_into::<Promise>())
        .await
        .expect("a response");
    let response: Response = response.unchecked_into();
    let text = response.text().expect("a body");
    let text = JsFuture::from(text).await.expect("a complete body");
    text.as_string().expect("text")
}

/// Makes the server with faults cut all its connections and stay down for this time.
pub(crate) async fn take_down(milliseconds: u32) {
    get_text(&faulty(&format!("/down?ms={milliseconds}"))).await;
}

/// A script of the server with faults: its behaviour for the requests to one URL.
///
/// The syntax is that of `testkit/src/bin/faulty/script.rs`. The server counts all requests of a script together.
pub(crate) struct Script {
    key: String,
    /// The URL whose responses follow the script.
    pub(crate) url: String,
}

/// Statistics of the requests of a script.
#[derive(Debug)]
pub(crate) struct ServerCounts {
    pub(crate) preflights: f64,
    pub(crate) requests: f64,
    pub(crate) open: f64,
    pub(crate) cancelled: f64,
    pub(crate) bytes: f64,
}

impl Script {
    /// Creates a script from a path with parameters.
    pub(crate) fn new(path: &str) -> Self {
        let key = js_sys::Math::random().to_string();
        let url = faulty(&format!("{path}&key={key}"));
        Self { key, url }
    }

    pub(crate) async fn counts(&self) -> ServerCounts {
        let stats = get_text(&faulty(&format!("/stats?key={}", self.key))).await;
        let stats = Json::parse(&stats).expect("JSON");
        let number = |name| {
            stats
                .get(name)
                .and_then(|value| value.number())
                .expect("a number")
        };
        ServerCounts {
            preflights: number("preflights"),
            requests: number("requests"),
            open: number("open"),
            cancelled: number("cancelled"),
            bytes: number("bytes"),
        }
    }

    /// Waits until this number of requests were cancelled, and no request is open.
    pub(crate) async fn wait_until_cancelled(&self, count: f64) {
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

/// Waits until the contract server has this number of open streams.
pub(crate) async fn wait_for_contract_streams(count: u32) {
    let start = now();
    while get_text(&contract("/stats")).await != format!("{{\"active\": {count}}}") {
        assert!(now() - start < test_timeout().into(), "not {count} streams");
        pause(20).await;
    }
}

/// Percent-encodes bytes for a query.
pub(crate) fn escape(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref().iter();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}
