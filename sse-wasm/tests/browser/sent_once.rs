//! Requests that are sent once, because sending them again may repeat their effect.

use core::time::Duration;

use sse_wasm::{Builder, Closed, DisconnectReason, Error, EventId, Item, Request};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{next, next_or_end, read_numbers, short_delays},
    environment::{hide, is_window, pause},
    servers::Script,
};

/// Time in which a wrong second request would be sent.
const REPEATED_REQUEST_WAIT_MS: u32 = 200;

#[wasm_bindgen_test]
async fn the_stream_ends_with_the_response() {
    for method in ["POST", "post", "PUT", "DELETE"] {
        let script = Script::new("/events?n=9&take=2");
        let closed = end_of(builder(&script).method(method), 2, &script).await;
        assert_eq!(
            closed.reason,
            Some(DisconnectReason::EndOfStream),
            "{method}"
        );
    }
    let script = Script::new("/events?n=9&take=2");
    let closed = end_of(builder(&script).resend(false), 2, &script).await;
    assert_eq!(closed.reason, Some(DisconnectReason::EndOfStream));
}

/// The method of the prepared request counts.
#[wasm_bindgen_test]
async fn the_method_of_the_mapped_request_counts() {
    let script = Script::new("/events?n=9&take=2");
    let post = |mut request: Request| {
        request.method = "POST".to_owned();
        async { Ok(request) }
    };
    let closed = end_of(builder(&script).map_request(post), 2, &script).await;
    assert_eq!(closed.reason, Some(DisconnectReason::EndOfStream));
}

#[wasm_bindgen_test]
async fn an_interruption_is_reported() {
    let cuts = [
        ("take=1&then=fin", 1, DisconnectReason::NetworkError),
        ("take=1&then=rst", 1, DisconnectReason::NetworkError),
        ("take=1&tail=data:x%0A", 1, DisconnectReason::Truncated),
        ("take=1&then=silence", 1, DisconnectReason::IdleTimeout),
        ("late=3600000", 0, DisconnectReason::HeadTimeout),
        ("status=204", 0, DisconnectReason::Status(204)),
        ("type=text/html", 0, DisconnectReason::ContentType),
    ];
    for (fault, count, reason) in cuts {
        let script = Script::new(&format!("/events?n=9&{fault}"));
        let short = Some(Duration::from_millis(500));
        let config = match reason {
            DisconnectReason::IdleTimeout => short_delays().idle_timeout(short),
            DisconnectReason::HeadTimeout => short_delays().head_timeout(short),
            _ => short_delays(),
        };
        let builder = Builder::new(&script.url).config(config);
        let closed = end_of(builder.method("POST"), count, &script).await;
        assert_eq!(closed.reason, Some(reason), "{fault}");
    }
}

/// A refusal is reported with its body, also for statuses after which a `GET` is sent again.
///
/// These are 429 and 503, and 431 and 400, which can be about the last event ID.
#[wasm_bindgen_test]
async fn a_refusal_is_reported_with_its_body() {
    for status in [429, 503, 431, 400] {
        let script = Script::new(&format!("/events?status={status}&times=1"));
        let builder = builder(&script).last_event_id(EventId::new("x".repeat(1500)).unwrap());
        let closed = end_of(builder.method("POST"), 0, &script).await;
        assert_eq!(closed.reason, Some(DisconnectReason::Status(status)));
        assert_eq!(closed.body, format!("answer 1 is {status}: é€"));
    }
}

/// A hidden page does not pause the request, because it could not be continued.
#[wasm_bindgen_test]
async fn a_hidden_page_does_not_pause_the_request() {
    if !is_window() {
        return;
    }
    let script = Script::new("/events?n=9&take=9&every=50");
    let builder = builder(&script).method("POST").pause_when_hidden(true);
    let mut items = builder.fetch().unwrap();
    read_numbers(&mut items, 1..=1).await;
    hide(true);
    read_numbers(&mut items, 2..=3).await;
    hide(false);
    assert_eq!(read_numbers(&mut items, 4..=9).await, []);
    assert!(matches!(next(&mut items).await, Item::Closed(_)));
    assert_eq!(next_or_end(&mut items).await, None);
    assert_eq!(script.counts().await.requests, 1.0);
}

#[wasm_bindgen_test]
async fn reconnect_sends_the_request_again() {
    let script = Script::new("/events?n=9&take=1&then=silence");
    let mut items = builder(&script).method("POST").fetch().unwrap();
    read_numbers(&mut items, 1..=1).await;
    items.handle().reconnect();
    let losses = read_numbers(&mut items, 2..=2).await;
    assert_eq!(losses, [Some(DisconnectReason::Requested)]);
    drop(items);
    script.wait_until_cancelled(2.0).await;
}

/// Tabs cannot share the request, because the next tab would send it again.
#[wasm_bindgen_test]
fn cannot_be_shared_between_tabs() {
    let builder = || Builder::new("/events").response_details(true);
    for once in [builder().method("POST"), builder().resend(false)] {
        assert_eq!(once.share("once").unwrap_err(), Error::NeedsResend);
    }
    let again = builder().method("POST").resend(true);
    assert!(again.share("again").is_ok());
}

#[wasm_bindgen_test]
async fn cannot_be_shared_after_map_request_changed_the_method() {
    let script = Script::new("/events?n=9");
    let post = |mut request: Request| {
        request.method = "POST".to_owned();
        async { Ok(request) }
    };
    let mut tab = builder(&script)
        .map_request(post)
        .share("prepared")
        .unwrap();
    let Item::Closed(closed) = next(&mut tab).await else {
        panic!("not the end");
    };
    assert_eq!(closed.exception, Some(Error::NeedsResend.to_string()));
    assert_eq!(script.counts().await.requests, 0.0);
}

fn builder(script: &Script) -> Builder {
    Builder::new(&script.url).config(short_delays())
}

/// Reads `count` events, the last item and the end, and checks that no other request follows.
async fn end_of(builder: Builder, count: u64, script: &Script) -> Closed {
    let mut items = builder.fetch().unwrap();
    assert_eq!(read_numbers(&mut items, 1..=count).await, []);
    let closed = loop {
        match next(&mut items).await {
            Item::Closed(closed) => break closed,
            Item::Open => {}
            other => panic!("not the end: {other:?}"),
        }
    };
    assert_eq!(next_or_end(&mut items).await, None);
    pause(REPEATED_REQUEST_WAIT_MS).await;
    assert_eq!(script.counts().await.requests, 1.0);
    closed
}
