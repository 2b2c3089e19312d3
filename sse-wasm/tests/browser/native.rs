//! The browser's own `EventSource`, without reconnection by this crate.

use std::time::Duration;

use futures_util::{StreamExt, future::join};
use sse_wasm::{
    Builder, Closed, DEFAULT_QUEUE_LIMIT, Error, EventSource, Item, ItemStream, ReadyState,
    is_supported,
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{next, next_disconnected, next_event, next_or_end, read_numbers},
    environment::{is_firefox, pause, without},
    golden::GOLDEN,
    servers::{Script, contract, take_down, wait_for_contract_streams},
};

#[wasm_bindgen_test]
fn a_missing_event_source_is_an_error() {
    assert!(is_supported());
    let connected = without("EventSource", || {
        assert!(!is_supported());
        EventSource::connect("/")
    });
    assert!(matches!(connected, Err(Error::Unsupported { .. })));
    assert!(is_supported());
}

#[wasm_bindgen_test]
fn an_invalid_url_is_an_error_with_the_reason() {
    let error = EventSource::connect("http://[").unwrap_err();
    assert!(matches!(&error, Error::InvalidUrl { url, .. } if url == "http://["));
    let text = error.to_string();
    assert!(text.starts_with("invalid URL http://[: "), "{text}");
    assert!(text.len() > 30, "the browser's reason is missing: {text}");
}

#[wasm_bindgen_test]
fn relative_urls_are_resolved_against_the_page() {
    let source = EventSource::connect("nowhere?a=b").unwrap();
    let url = source.url();
    assert!(
        url.starts_with("http://127.0.0.1:") && url.ends_with("/nowhere?a=b"),
        "{url}"
    );
    assert!(!source.with_credentials());
}

#[wasm_bindgen_test]
async fn events_openings_and_losses_come_in_order() {
    let mut items = connect("/golden").items(["update", "message", "done"]);
    let source = items.source().unwrap().clone();
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    assert_eq!(next(&mut items).await, Item::Open);
    assert_eq!(source.ready_state(), ReadyState::Open);
    for ((event_type, data), id) in GOLDEN.into_iter().zip(1..) {
        let event = next_event(&mut items).await;
        assert_eq!(event.event_type, event_type);
        assert_eq!(event.data, data);
        assert_eq!(event.last_event_id, id.to_string());
    }
    assert_eq!(source.last_event_id(), "7");
    // The body has ended, so the browser reconnects after the 500 ms that the server has set. The server has no more
    // events.
    assert_lost(&mut items).await;
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    assert_eq!(next(&mut items).await, Item::Open);
    assert_lost(&mut items).await;
}

#[wasm_bindgen_test]
async fn other_event_types_are_not_delivered() {
    let mut items = connect("/golden").items([]);
    assert_eq!(next(&mut items).await, Item::Open);
    for data in [
        "hello",
        "",
        "€豆腐😀",
        " leading space kept",
        r#"{"a":"b: c"}"#,
    ] {
        assert_eq!(next_event(&mut items).await.data, data);
    }
    assert_lost(&mut items).await;
}

#[wasm_bindgen_test]
async fn events_of_type_open_and_error_are_delivered_as_events() {
    for name in ["error", "open"] {
        let source = connect(&format!("/echo?data=x&event={name}&id=1"));
        let mut items = source.items([name]);
        assert_eq!(next(&mut items).await, Item::Open);
        let event = next_event(&mut items).await;
        assert_eq!((&*event.event_type, &*event.data), (name, "x"));
        assert_lost(&mut items).await;
    }
}

#[wasm_bindgen_test]
async fn a_refusal_ends_the_stream() {
    for refusal in [
        "status=404",
        "status=503",
        "status=200&type=text/html",
        "n=0",
    ] {
        let script = Script::new(&format!("/events?{refusal}"));
        let source = EventSource::connect(&script.url).unwrap();
        let mut items = source.items([]);
        assert_eq!(
            next(&mut items).await,
            Item::Closed(Closed::default()),
            "{refusal}"
        );
        assert_eq!(next_or_end(&mut items).await, None);
        assert_eq!(source.ready_state(), ReadyState::Closed);
        assert_eq!(script.counts().await.requests, 1.0);
    }
}

/// This difference is a reason for `Builder::reconnect_with_query`.
#[wasm_bindgen_test]
async fn only_firefox_gives_up_while_the_server_is_down() {
    let script = Script::new("/events?n=20&take=10&then=silence&head=retry:100%0A%0A");
    let mut items = EventSource::connect(&script.url).unwrap().items([]);
    assert_eq!(read_numbers(&mut items, 1..=10).await, []);
    take_down(1500).await;
    assert_lost(&mut items).await;
    if is_firefox() {
        assert_eq!(next(&mut items).await, Item::Closed(Closed::default()));
        assert_eq!(next_or_end(&mut items).await, None);
        // The next tests need the server.
        pause(1500).await;
    } else {
        read_numbers(&mut items, 11..=20).await;
    }
}

#[wasm_bindgen_test]
async fn close_ends_all_streams() {
    let source = connect("/live?n=2&ms=3600000");
    let mut items = source.items([]);
    assert_eq!(next(&mut items).await, Item::Open);
    next_event(&mut items).await;
    let waiting = next_or_end(&mut items);
    let close = async { source.close() };
    let (end, ()) = join(waiting, close).await;
    assert_eq!(end, None);
    assert_eq!(source.ready_state(), ReadyState::Closed);
    wait_for_contract_streams(0).await;
}

#[wasm_bindgen_test]
async fn only_the_last_dropped_handle_closes_the_connection() {
    let script = Script::new("/events?n=100000&every=10");
    let source = EventSource::connect(&script.url).unwrap();
    let raw = source.raw();
    let (mut one, mut other) = (source.items([]), source.clone().items([]));
    let callback = source.on_event("message", |_| {});
    drop(source);
    assert_eq!(next(&mut one).await, Item::Open);
    next_event(&mut one).await;
    drop(one);
    assert_eq!(next(&mut other).await, Item::Open);
    next_event(&mut other).await;
    drop(other);
    pause(100).await;
    assert_eq!(raw.ready_state(), web_sys::EventSource::OPEN);
    drop(callback);
    assert_eq!(raw.ready_state(), web_sys::EventSource::CLOSED);
    script.wait_until_cancelled(1.0).await;
}

#[wasm_bindgen_test]
async fn a_consumer_that_lags_gets_the_number_of_dropped_items() {
    let script = Script::new("/events?n=6000&then=silence");
    for limit in [1, 100, DEFAULT_QUEUE_LIMIT] {
        let source = Builder::new(&script.url).queue_limit(limit);
        let items = source.native().unwrap().items([]);
        let source = items.source().unwrap().clone();
        while source.last_event_id() != "6000" {
            pause(20).await;
        }
        source.close();
        let rest: Vec<Item> = items.collect().await;
        // 6000 events and `Item::Open` were queued.
        let missed = 6001 - limit;
        assert_eq!(rest[0], Item::Lagged(missed as u64));
        assert_eq!(rest.len(), limit + 1);
        let Some(Item::Event(last)) = rest.last() else {
            panic!("not an event: {:?}", rest.last());
        };
        assert_eq!(last.data, "6000");
    }
}

fn connect(path: &str) -> EventSource {
    EventSource::connect(&contract(path)).expect("a connection")
}

/// Checks that the connection was lost, without a reason and a delay, which the browser does not report.
async fn assert_lost(items: &mut ItemStream) {
    let lost = next_disconnected(items).await;
    assert_eq!((lost.reason, lost.delay), (None, None::<Duration>));
}
