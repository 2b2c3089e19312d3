//! Handling of responses that are not an event stream, by a client over `fetch`.

use core::time::Duration;

use futures_util::Stream;
use js_sys::Date;
use sse_wasm::{Builder, ClientConfig, Closed, DisconnectReason, Item};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{next, next_disconnected, next_or_end, read_numbers, short_delays},
    environment::now,
    servers::{Script, escape},
};

#[wasm_bindgen_test]
async fn status_headers_and_body_are_reported() {
    let script = Script::new("/events?status=401&after=7");
    let mut items = Builder::new(&script.url).fetch().unwrap();
    let closed = next_end(&mut items).await;
    assert_eq!(closed.reason, Some(DisconnectReason::Status(401)));
    assert_eq!(closed.body, "answer 1 is 401: é€");
    assert_eq!(closed.exception, None);
    assert_eq!(
        closed.to_string(),
        DisconnectReason::Status(401).to_string()
    );
    let header = |name: &str| {
        let mut headers = closed.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    // Only headers that the server exposes to other origins, or that CORS always allows.
    assert_eq!(header("x-told"), Some("yes"));
    assert_eq!(header("retry-after"), Some("7"));
    assert_eq!(header("content-type"), Some("text/event-stream"));
    assert_eq!(header("x-untold"), None);
    assert_eq!(script.counts().await.requests, 1.0);
}

#[wasm_bindgen_test]
async fn an_endless_body_is_read_up_to_the_limit() {
    let script = Script::new("/events?type=text/html&pad=1000");
    let mut items = Builder::new(&script.url).fetch().unwrap();
    let closed = next_end(&mut items).await;
    assert_eq!(closed.reason, Some(DisconnectReason::ContentType));
    assert_eq!(closed.body.len(), 4096);
    script.wait_until_cancelled(1.0).await;
}

#[wasm_bindgen_test]
async fn the_content_type_must_be_an_event_stream() {
    for wrong in [
        "",
        "text/html",
        "text/event-stream2",
        "text/plain; text/event-stream",
    ] {
        let script = Script::new(&format!("/events?n=1&type={}", escape(wrong)));
        let mut items = Builder::new(&script.url).fetch().unwrap();
        let closed = next_end(&mut items).await;
        assert_eq!(
            closed.reason,
            Some(DisconnectReason::ContentType),
            "{wrong}"
        );
    }
    for right in ["Text/Event-Stream", "text/event-stream;charset=x; y=z"] {
        let script = Script::new(&format!("/events?n=1&type={}", escape(right)));
        let mut items = Builder::new(&script.url).fetch().unwrap();
        assert_eq!(next(&mut items).await, Item::Open, "{right}");
    }
}

#[wasm_bindgen_test]
async fn status_204_ends_the_stream() {
    let script = Script::new("/events?n=2");
    let mut items = Builder::new(&script.url)
        .config(short_delays())
        .fetch()
        .unwrap();
    read_numbers(&mut items, 1..=2).await;
    assert_eq!(
        next_disconnected(&mut items).await.reason,
        Some(DisconnectReason::EndOfStream)
    );
    let closed = next_end(&mut items).await;
    assert_eq!(closed.reason, Some(DisconnectReason::Status(204)));
    assert_eq!(closed.body, "");
    assert_eq!(script.counts().await.requests, 2.0);
}

#[wasm_bindgen_test]
async fn statuses_429_and_5xx_are_retried() {
    for status in [429, 500, 503] {
        let script = Script::new(&format!("/events?n=1&status={status}&times=2"));
        let mut items = Builder::new(&script.url)
            .config(short_delays())
            .fetch()
            .unwrap();
        for _ in 0..2 {
            let lost = next_disconnected(&mut items).await;
            assert_eq!(lost.reason, Some(DisconnectReason::Status(status)));
        }
        assert_eq!(read_numbers(&mut items, 1..=1).await, []);
        assert_eq!(script.counts().await.requests, 3.0);
    }
}

#[wasm_bindgen_test]
async fn retry_after_sets_the_delay() {
    let script = Script::new("/events?n=1&status=503&times=1&after=1");
    let config = short_delays()
        .min_delay(Duration::from_millis(1))
        .max_delay(Duration::from_secs(5));
    let mut items = Builder::new(&script.url).config(config).fetch().unwrap();
    let lost = next_disconnected(&mut items).await;
    assert_eq!(lost.delay, Some(Duration::from_secs(1)));
    let start = now();
    assert_eq!(next(&mut items).await, Item::Open);
    assert!(now() - start >= 995.0, "{}", now() - start);
}

#[wasm_bindgen_test]
async fn retry_after_can_be_a_date() {
    let date = Date::new(&(Date::now() + 30_000.0).into()).to_utc_string();
    let after = escape(String::from(date));
    let script = Script::new(&format!("/events?n=1&status=503&times=1&after={after}"));
    let mut items = Builder::new(&script.url).fetch().unwrap();
    let delay = next_disconnected(&mut items).await.delay.unwrap();
    let expected = Duration::from_secs(28)..=Duration::from_secs(30);
    assert!(expected.contains(&delay), "{delay:?}");
}

#[wasm_bindgen_test]
async fn server_errors_are_not_retried_if_turned_off() {
    let script = Script::new("/events?n=1&status=503&times=1");
    let config = ClientConfig::default().retry_server_errors(false);
    let mut items = Builder::new(&script.url).config(config).fetch().unwrap();
    assert_eq!(
        next_end(&mut items).await.reason,
        Some(DisconnectReason::Status(503))
    );
}

/// Reads the last item, and checks that the stream then ends.
async fn next_end(items: &mut (impl Stream<Item = Item> + Unpin)) -> Closed {
    let Item::Closed(closed) = next(items).await else {
        panic!("not the end");
    };
    assert_eq!(next_or_end(items).await, None);
    closed
}
