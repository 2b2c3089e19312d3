//! Reconnection of an `EventSource` that the browser has given up, or whose connection is dead and silent.

use core::time::Duration;

use futures_util::Stream;
use sse_wasm::{Builder, ClientConfig, DisconnectReason, EventSource, Item, ReadyState};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{
        next, next_disconnected, next_event, next_or_end, read_numbers, repeat_until, short_delays,
    },
    environment::{now, pause},
    servers::{Script, escape},
};

#[wasm_bindgen_test]
async fn a_refused_connection_is_retried() {
    for refusal in ["status=503", "status=404", "status=204"] {
        let script = Script::new(&format!("/events?n=2&then=silence&{refusal}&times=2"));
        let source = reconnecting(&script, short_delays());
        let mut items = source.items([]);
        for _ in 0..2 {
            let lost = next_disconnected(&mut items).await;
            assert_eq!(lost.reason, Some(DisconnectReason::NetworkError));
            assert!(lost.delay.unwrap() >= Duration::from_millis(50), "{lost:?}");
            assert_eq!(source.ready_state(), ReadyState::Connecting);
        }
        assert_eq!(next(&mut items).await, Item::Open);
        read_numbers(&mut items, 1..=2).await;
        assert_eq!(script.counts().await.requests, 3.0);
    }
}

#[wasm_bindgen_test]
async fn delays_grow_until_an_event_comes() {
    // Each delay is twice the previous one, plus a jitter of at most a quarter.
    repeat_until([50, 100, 200, 50].map(Some), async || {
        let script = Script::new("/events?status=503&times=3&n=2&take=1&then=silence");
        let config = short_delays().idle_timeout(Some(Duration::from_millis(200)));
        let mut items = reconnecting(&script, config).items([]);
        let mut delays = [None; 4];
        for place in &mut delays {
            let delay = next_delay(&mut items).await;
            let least = [50, 100, 200].into_iter();
            *place = least
                .rev()
                .find(|least| (*least..=least * 5 / 4).contains(&delay));
        }
        delays
    })
    .await;
}

/// The last event ID is added to the other query parameters, and may be any text.
#[wasm_bindgen_test]
async fn resumes_after_the_last_event_with_any_id() {
    let id = escape("é& €=");
    let script = Script::new(&format!("/request?n=2&take=1&id={id}&then=silence"));
    let config = short_delays().idle_timeout(Some(Duration::from_millis(300)));
    let mut items = reconnecting(&script, config).items([]);
    assert_eq!(next(&mut items).await, Item::Open);
    assert_eq!(next_event(&mut items).await.last_event_id, "é& €=1");
    assert_eq!(
        next_disconnected(&mut items).await.reason,
        Some(DisconnectReason::IdleTimeout)
    );
    assert_eq!(next(&mut items).await, Item::Open);
    let event = next_event(&mut items).await;
    assert_eq!(event.last_event_id, "é& €=2");
    assert!(
        event.data.contains("&last-event-id=%C3%A9%26"),
        "{}",
        event.data
    );
}

#[wasm_bindgen_test]
async fn reconnects_after_the_idle_timeout() {
    let script = Script::new("/events?n=2&take=1&then=silence");
    let config = short_delays().idle_timeout(Some(Duration::from_millis(500)));
    let mut items = reconnecting(&script, config).items([]);
    let start = now();
    let losses = read_numbers(&mut items, 1..=2).await;
    assert_eq!(losses.first(), Some(&Some(DisconnectReason::IdleTimeout)));
    assert!(now() - start >= 500.0);
    drop(items);
    script.wait_until_cancelled(losses.len() as f64 + 1.0).await;
}

/// Events that arrive while the page is busy do not count as idle time.
#[wasm_bindgen_test]
async fn a_busy_page_does_not_count_as_idle() {
    repeat_until(vec![], async || {
        let script = Script::new("/events?n=1000&every=100");
        let config = short_delays().idle_timeout(Some(Duration::from_millis(400)));
        let mut items = reconnecting(&script, config).items([]);
        read_numbers(&mut items, 1..=5).await;
        let start = now();
        while now() - start < 1500.0 {}
        read_numbers(&mut items, 6..=30).await
    })
    .await;
}

/// The time in which the browser itself reconnects does not count as idle time of the server.
#[wasm_bindgen_test]
async fn the_browsers_own_delay_does_not_count_as_idle() {
    repeat_until((vec![None], 2.0), async || {
        let script = Script::new("/events?n=2&take=1&every=500&head=retry:700%0A%0A&then=end");
        let config = short_delays().idle_timeout(Some(Duration::from_millis(600)));
        let mut items = reconnecting(&script, config).items([]);
        let losses = read_numbers(&mut items, 1..=2).await;
        (losses, script.counts().await.requests)
    })
    .await;
}

#[wasm_bindgen_test]
async fn close_while_waiting_is_final() {
    let script = Script::new("/events?status=503");
    let config = short_delays()
        .min_delay(Duration::from_millis(300))
        .max_delay(Duration::from_secs(1));
    let source = reconnecting(&script, config);
    let mut items = source.items([]);
    next_disconnected(&mut items).await;
    source.close();
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert_eq!(next_or_end(&mut items).await, None);
    pause(600).await;
    assert_eq!(script.counts().await.requests, 1.0);
}

/// No new object is created after the source was dropped.
#[wasm_bindgen_test]
async fn dropping_while_waiting_is_final() {
    let script = Script::new("/events?status=503");
    let config = short_delays()
        .min_delay(Duration::from_millis(300))
        .max_delay(Duration::from_secs(1));
    let mut items = reconnecting(&script, config).items([]);
    next_disconnected(&mut items).await;
    drop(items);
    pause(600).await;
    assert_eq!(script.counts().await.requests, 1.0);
}

#[wasm_bindgen_test]
async fn callbacks_move_to_the_next_object() {
    let script = Script::new("/events?n=3&take=1&then=silence");
    let config = short_delays().idle_timeout(Some(Duration::from_millis(200)));
    let source = reconnecting(&script, config);
    let (first, closing) = (source.raw(), source.clone());
    let _subscription = source.on_event("message", move |event| {
        if event.data == "2" {
            closing.close();
        }
    });
    let mut items = source.items([]);
    let mut events = Vec::new();
    while let Some(item) = next_or_end(&mut items).await {
        if let Item::Event(event) = item {
            events.push(event.data);
        }
    }
    assert_eq!(
        events,
        ["1"],
        "the callback closed the source at event 2, before other listeners got it"
    );
    assert_ne!(source.raw(), first);
    assert_eq!(first.ready_state(), web_sys::EventSource::CLOSED);
    script.wait_until_cancelled(2.0).await;
}

#[wasm_bindgen_test]
async fn an_error_callback_can_close_the_source() {
    for fault in ["status=503", "then=silence&take=1"] {
        let script = Script::new(&format!("/events?{fault}"));
        let config = short_delays().idle_timeout(Some(Duration::from_millis(200)));
        let source = reconnecting(&script, config);
        let closing = source.clone();
        let _subscription = source.on_error(move |state| {
            assert_eq!(state, ReadyState::Connecting);
            closing.close();
        });
        let mut items = source.items([]);
        while next_or_end(&mut items).await.is_some() {}
        pause(300).await;
        assert_eq!(script.counts().await.requests, 1.0);
    }
}

/// Returns the delay of the next lost connection, in milliseconds.
async fn next_delay(items: &mut (impl Stream<Item = Item> + Unpin)) -> u128 {
    loop {
        if let Item::Disconnected(lost) = next(items).await {
            return lost.delay.unwrap().as_millis();
        }
    }
}

fn reconnecting(script: &Script, config: ClientConfig) -> EventSource {
    let builder = Builder::new(&script.url).config(config);
    let builder = builder.reconnect_with_query("last-event-id");
    builder.native().expect("a connection")
}
