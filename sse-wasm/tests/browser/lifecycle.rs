//! The life cycle of a client over `fetch`: connecting, waiting, pausing and closing.

use core::time::Duration;

use futures_util::{FutureExt, StreamExt, future::join};
use sse_wasm::{Builder, ClientConfig, DisconnectReason, Handle, Item};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::AbortController;

use crate::{
    client::{next, next_disconnected, next_or_end, read_numbers, repeat_until, short_delays},
    environment::{hide, is_window, now, pause},
    servers::Script,
};

const ENDLESS: &str = "/events?every=20";

#[wasm_bindgen_test]
async fn sends_no_request_until_polled() {
    let script = Script::new(ENDLESS);
    let items = builder(&script).fetch().unwrap();
    pause(100).await;
    assert_eq!(script.counts().await.requests, 0.0);
    drop(items);
}

#[wasm_bindgen_test]
async fn any_byte_resets_the_idle_timeout() {
    let timeout = Some(Duration::from_millis(500));
    let mute = Script::new("/events?n=2&take=1&then=silence");
    let config = short_delays().idle_timeout(timeout);
    let mut items = builder(&mute).config(config).fetch().unwrap();
    let start = now();
    let losses = read_numbers(&mut items, 1..=2).await;
    assert_eq!(losses.first(), Some(&Some(DisconnectReason::IdleTimeout)));
    assert!(now() - start >= 500.0);
    drop(items);
    mute.wait_until_cancelled(losses.len() as f64 + 1.0).await;

    let comment = Item::Comment("a comment of 20B".to_owned());
    repeat_until([Item::Open, comment], async || {
        let alive = Script::new("/events?take=0&drip=100&head=:a%20comment%20of%2020B%0A");
        let config = short_delays().idle_timeout(timeout);
        let mut items = builder(&alive).config(config).fetch().unwrap();
        [next(&mut items).await, next(&mut items).await]
    })
    .await;
}

/// Events that arrive while the page is busy do not count as idle time.
#[wasm_bindgen_test]
async fn a_busy_page_does_not_count_as_idle() {
    repeat_until(vec![], async || {
        let script = Script::new("/events?n=1000&every=100");
        let config = short_delays().idle_timeout(Some(Duration::from_millis(400)));
        let mut items = builder(&script).config(config).fetch().unwrap();
        read_numbers(&mut items, 1..=5).await;
        let start = now();
        while now() - start < 1500.0 {}
        read_numbers(&mut items, 6..=30).await
    })
    .await;
}

#[wasm_bindgen_test]
async fn reconnects_after_the_head_timeout() {
    let script = Script::new("/events?n=1&late=1000");
    let config = short_delays().head_timeout(Some(Duration::from_millis(200)));
    let mut items = builder(&script).config(config).fetch().unwrap();
    for _ in 0..2 {
        let lost = next_disconnected(&mut items).await;
        assert_eq!(lost.reason, Some(DisconnectReason::HeadTimeout));
    }
    drop(items);
    script.wait_until_cancelled(2.0).await;
}

#[wasm_bindgen_test]
async fn dropping_the_stream_cancels_the_request() {
    let script = Script::new(ENDLESS);
    let mut items = builder(&script).fetch().unwrap();
    read_numbers(&mut items, 1..=2).await;
    drop(items);
    script.wait_until_cancelled(1.0).await;
}

#[wasm_bindgen_test]
async fn dropping_the_stream_before_the_response_cancels_the_request() {
    let script = Script::new("/events?n=1&late=3600000");
    let mut items = builder(&script).fetch().unwrap();
    assert_eq!(items.next().now_or_never(), None);
    while script.counts().await.open == 0.0 {}
    drop(items);
    script.wait_until_cancelled(1.0).await;
}

#[wasm_bindgen_test]
async fn close_ends_a_stream_that_is_polled() {
    let script = Script::new("/events?n=2&take=1&then=silence");
    let mut items = builder(&script).fetch().unwrap();
    read_numbers(&mut items, 1..=1).await;
    let handle = items.handle();
    let (end, ()) = join(next_or_end(&mut items), async { handle.clone().close() }).await;
    assert_eq!(end, None);
    assert_eq!(next_or_end(&mut items).await, None);
    script.wait_until_cancelled(1.0).await;
    // A closed source stays closed.
    handle.reconnect();
    assert_eq!(next_or_end(&mut items).await, None);
    assert_eq!(script.counts().await.requests, 1.0);
}

#[wasm_bindgen_test]
async fn close_ends_a_stream_that_waits() {
    let script = Script::new("/events?status=503&after=60");
    let mut items = Builder::new(&script.url).fetch().unwrap();
    next_disconnected(&mut items).await;
    let handle = items.handle();
    let (end, ()) = join(next_or_end(&mut items), async { handle.close() }).await;
    assert_eq!(end, None);
}

#[wasm_bindgen_test]
async fn an_abort_signal_closes_the_stream() {
    let script = Script::new(ENDLESS);
    let controller = AbortController::new().unwrap();
    let builder = || builder(&script).abort_signal(controller.signal());
    let mut items = builder().fetch().unwrap();
    read_numbers(&mut items, 1..=2).await;
    controller.abort();
    assert_eq!(next_or_end(&mut items).await, None);
    script.wait_until_cancelled(1.0).await;

    let mut items = builder().fetch().unwrap();
    assert_eq!(next_or_end(&mut items).await, None, "already aborted");
    assert_eq!(script.counts().await.requests, 1.0);
}

#[wasm_bindgen_test]
async fn a_handle_reconnects_an_open_stream() {
    let script = Script::new("/events?n=3&take=1&then=silence");
    let mut items = builder(&script).fetch().unwrap();
    let handle = items.handle();
    read_numbers(&mut items, 1..=1).await;
    handle.reconnect();
    let lost = next_disconnected(&mut items).await;
    assert_eq!(lost.reason, Some(DisconnectReason::Requested));
    assert_eq!(lost.delay, Some(Duration::ZERO));
    read_numbers(&mut items, 2..=2).await;
    let (losses, ()) = join(read_numbers(&mut items, 3..=3), async {
        handle.reconnect()
    })
    .await;
    assert_eq!(losses, [Some(DisconnectReason::Requested)]);
    drop(items);
    script.wait_until_cancelled(3.0).await;
}

#[wasm_bindgen_test]
async fn a_handle_reconnects_a_stream_that_waits() {
    // The delay is longer than the timeout of the test.
    let script = Script::new("/events?n=1&status=503&times=1&after=36000");
    let hours = Duration::from_secs(36_000);
    let config = ClientConfig::default()
        .min_delay(Duration::ZERO)
        .max_delay(hours);
    let builder = Builder::new(&script.url).config(config);
    let mut items = builder.fetch().unwrap();
    assert_eq!(next_disconnected(&mut items).await.delay, Some(hours));
    items.handle().reconnect();
    read_numbers(&mut items, 1..=1).await;
}

/// Pauses in a hidden page. No browser hides the page of a test, so the document only reports that it is hidden.
#[wasm_bindgen_test]
async fn pauses_while_the_page_is_hidden() {
    let script = Script::new(ENDLESS);
    let builder = builder(&script).pause_when_hidden(true);
    if !is_window() {
        // A worker has no page that could be hidden.
        let mut items = builder.fetch().unwrap();
        assert_eq!(read_numbers(&mut items, 1..=5).await, []);
        return;
    }
    hide(true);
    let mut items = builder.fetch().unwrap();
    assert_eq!(items.next().now_or_never(), None);
    pause(200).await;
    assert_eq!(script.counts().await.requests, 0.0);
    hide(false);
    read_numbers(&mut items, 1..=5).await;
    assert_eq!(script.counts().await.requests, 1.0);

    hide(true);
    assert_eq!(items.next().now_or_never(), None);
    script.wait_until_cancelled(1.0).await;
    hide(false);
    let losses = read_numbers(&mut items, 6..=10).await;
    assert_eq!(losses, [Some(DisconnectReason::Requested)]);
    assert_eq!(script.counts().await.requests, 2.0);
}

/// Closing ends the stream even while the page is hidden, which pauses everything else.
#[wasm_bindgen_test]
async fn closing_ends_a_paused_stream_at_once() {
    if !is_window() {
        return;
    }
    let ends: [fn(&Handle, &AbortController); 2] = [
        |handle, _| handle.close(),
        |_, controller| controller.abort(),
    ];
    for end in ends {
        for is_first in [true, false] {
            let script = Script::new(ENDLESS);
            let controller = AbortController::new().unwrap();
            let builder = builder(&script).pause_when_hidden(true);
            let mut items = builder.abort_signal(controller.signal()).fetch().unwrap();
            if !is_first {
                read_numbers(&mut items, 1..=2).await;
            }
            hide(true);
            assert_eq!(items.next().now_or_never(), None);
            let handle = items.handle();
            let (last, ()) = join(next_or_end(&mut items), async {
                pause(50).await;
                end(&handle, &controller);
            })
            .await;
            assert_eq!(last, None);
            hide(false);
            assert_eq!(next_or_end(&mut items).await, None);
            let requests = script.counts().await.requests;
            assert_eq!(requests, if is_first { 0.0 } else { 1.0 });
        }
    }
}

/// A refusal is reported even if the page is hidden while the body is read.
#[wasm_bindgen_test]
async fn a_hidden_page_does_not_delay_an_error_response() {
    if !is_window() {
        return;
    }
    let script = Script::new("/events?n=1&type=text/html&then=silence");
    let builder = builder(&script).pause_when_hidden(true);
    let mut items = builder.fetch().unwrap();
    let (item, ()) = join(next_or_end(&mut items), async {
        // The client reads the body for two seconds.
        pause(500).await;
        hide(true);
    })
    .await;
    let is_refusal = matches!(&item, Some(Item::Closed(closed)) if closed.reason == Some(DisconnectReason::ContentType));
    assert!(is_refusal, "{item:?}");
    assert_eq!(next_or_end(&mut items).await, None);
    hide(false);
}

/// A reconnection that is requested while the page is hidden happens when the page is shown.
#[wasm_bindgen_test]
async fn a_hidden_page_does_not_reconnect() {
    if !is_window() {
        return;
    }
    let script = Script::new(ENDLESS);
    let mut items = builder(&script).pause_when_hidden(true).fetch().unwrap();
    read_numbers(&mut items, 1..=2).await;
    hide(true);
    items.handle().reconnect();
    assert_eq!(items.next().now_or_never(), None);
    script.wait_until_cancelled(1.0).await;
    assert_eq!(items.next().now_or_never(), None);
    pause(100).await;
    assert_eq!(script.counts().await.requests, 1.0);
    hide(false);
    assert_eq!(
        read_numbers(&mut items, 3..=4).await,
        [Some(DisconnectReason::Requested)]
    );
    assert_eq!(script.counts().await.requests, 2.0);
}

fn builder(script: &Script) -> Builder {
    Builder::new(&script.url).config(short_delays())
}
