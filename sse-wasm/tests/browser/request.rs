//! The requests that a client over `fetch` sends.

use std::{cell::Cell, rc::Rc};

use futures_util::Stream;
use sse_wasm::{Builder, EventId, Item, Json, Request};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{next, next_event, next_or_end, short_delays},
    environment::pause,
    servers::{Script, escape},
};

/// Path whose response to each request is one event that describes the request.
const ECHO: &str = "/request?n=2&take=1";

#[wasm_bindgen_test]
async fn a_request_without_options() {
    let script = Script::new(ECHO);
    let mut items = builder(&script).fetch().unwrap();
    let first = next_request(&mut items).await;
    assert_eq!(first.text("method"), "GET");
    assert_eq!(first.header("accept"), Some("text/event-stream".to_owned()));
    assert_eq!(first.header("last-event-id"), None);
    assert_eq!(first.text("body"), "");
    // The first request needs no CORS preflight. The second one does, because of `Last-Event-ID`.
    assert_eq!(script.counts().await.preflights, 0.0);
    let second = next_request(&mut items).await;
    assert_eq!(second.header("last-event-id"), Some("1".to_owned()));
    assert_eq!(script.counts().await.preflights, 1.0);
}

#[wasm_bindgen_test]
async fn method_headers_and_body_are_sent_with_each_attempt() {
    let script = Script::new(ECHO);
    let builder = builder(&script)
        .method("POST")
        .resend(true)
        .header("X-Token", "secret")
        .header("Accept", "text/event-stream, */*")
        .body("{\"é\":1}");
    let mut items = builder.fetch().unwrap();
    for id in [None, Some("1".to_owned())] {
        let request = next_request(&mut items).await;
        assert_eq!(request.text("method"), "POST");
        assert_eq!(request.text("body"), "{\"é\":1}");
        assert_eq!(request.header("x-token"), Some("secret".to_owned()));
        let accept = Some("text/event-stream, */*".to_owned());
        assert_eq!(request.header("accept"), accept);
        assert_eq!(request.header("last-event-id"), id);
    }
}

/// The function is asynchronous and runs for each request, for example to fetch a new token.
#[wasm_bindgen_test]
async fn map_request_runs_for_each_request() {
    let script = Script::new(ECHO);
    let count = Rc::new(Cell::new(0));
    let builder = builder(&script).map_request(move |mut request: Request| {
        count.set(count.get() + 1);
        let token = format!("Bearer {}", count.get());
        async move {
            pause(20).await;
            let attempt = request.headers.len();
            request.headers.push(("Authorization".to_owned(), token));
            request.method = "POST".to_owned();
            request.body = Some(format!("with {attempt} headers").into());
            Ok(request)
        }
    });
    let mut items = builder.resend(true).fetch().unwrap();
    let first = next_request(&mut items).await;
    assert_eq!(first.header("authorization"), Some("Bearer 1".to_owned()));
    assert_eq!(first.text("body"), "with 0 headers");
    let second = next_request(&mut items).await;
    assert_eq!(second.header("authorization"), Some("Bearer 2".to_owned()));
    assert_eq!(second.text("body"), "with 1 headers", "the last event ID");
}

#[wasm_bindgen_test]
async fn an_exception_of_map_request_ends_the_stream() {
    let script = Script::new("/events?n=1");
    let throw = |_| async { Err(js_sys::Error::new("no token").into()) };
    let mut items = builder(&script).map_request(throw).fetch().unwrap();
    assert_eq!(exception(&mut items).await, "Error: no token");
    assert_eq!(script.counts().await.requests, 0.0);
}

/// An invalid request ends the stream, because no other attempt could send it.
#[wasm_bindgen_test]
async fn an_invalid_request_ends_the_stream() {
    let script = Script::new("/events?n=1");
    let wrong = [
        Builder::new("http://["),
        Builder::new(&script.url).body("but it is a GET"),
        Builder::new(&script.url).method("NO METHOD"),
        Builder::new(&script.url).header("no header", "x"),
        Builder::new(&script.url).header("x", "no\nvalue"),
    ];
    for builder in wrong {
        let mut items = builder.fetch().unwrap();
        assert!(exception(&mut items).await.starts_with("TypeError: "));
    }
    assert_eq!(script.counts().await.requests, 0.0);
}

#[wasm_bindgen_test]
async fn ids_are_sent_as_utf_8() {
    let id = escape("é€");
    let script = Script::new(&format!("{ECHO}&id={id}"));
    let mut items = builder(&script).fetch().unwrap();
    next_request(&mut items).await;
    let second = next_request(&mut items).await;
    assert_eq!(second.header("last-event-id"), Some("é€1".to_owned()));

    let first = EventId::new("é€1").unwrap();
    let mut items = builder(&script).last_event_id(first).fetch().unwrap();
    assert_eq!(items.last_event_id(), "é€1");
    let request = next_request(&mut items).await;
    assert_eq!(request.header("last-event-id"), Some("é€1".to_owned()));
    assert_eq!(items.last_event_id(), "é€2");
}

/// `fetch` follows redirects. By the standard, some of them change the method.
#[wasm_bindgen_test]
async fn redirects_are_followed() {
    for (status, method, body) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "text"),
        (308, "POST", "text"),
    ] {
        let place = Script::new("/request?n=2&take=1");
        let redirect = format!("/redirect?status={status}&to={}", escape(&place.url));
        let script = Script::new(&redirect);
        let builder = builder(&script).method("POST").resend(true).body("text");
        let mut items = builder.fetch().unwrap();
        for _ in 0..2 {
            let request = next_request(&mut items).await;
            assert_eq!(request.text("method"), method, "{status}");
            assert_eq!(request.text("body"), body, "{status}");
        }
        assert_eq!(place.counts().await.requests, 2.0);
    }
}

fn builder(script: &Script) -> Builder {
    Builder::new(&script.url).config(short_delays())
}

/// The description of a request by the server.
struct Echo(Json);

impl Echo {
    fn text(&self, name: &str) -> String {
        let text = self.0.get(name).and_then(|value| value.text());
        text.unwrap_or_else(|| panic!("no {name}"))
    }

    fn header(&self, name: &str) -> Option<String> {
        self.0.get("headers")?.get(name)?.text()
    }
}

/// Returns the request of the next connection, after the previous connection was lost.
async fn next_request(items: &mut (impl Stream<Item = Item> + Unpin)) -> Echo {
    match next(items).await {
        Item::Open => {}
        _ => assert_eq!(next(items).await, Item::Open),
    }
    Echo(Json::parse(&next_event(items).await.data).expect("JSON"))
}

/// Returns the exception of a stream that ends before its first request.
async fn exception(items: &mut (impl Stream<Item = Item> + Unpin)) -> String {
    let Item::Closed(closed) = next(items).await else {
        panic!("not the end");
    };
    assert_eq!(closed.reason, None);
    assert_eq!(next_or_end(items).await, None);
    assert_eq!(Some(closed.to_string()), closed.exception);
    closed.to_string()
}
