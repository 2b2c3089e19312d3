//! Reconnection when the network, the page or the machine is back.
//!
//! A test in a page cannot take any of them away, so these tests only dispatch the events of the browser.
//! `sse-npm/tests/browser.test.mjs` takes the network and the page away.

use core::time::Duration;

use futures_util::{FutureExt, StreamExt};
use js_sys::{Date, Function, Object, Reflect};
use sse_wasm::{Builder, ClientConfig, DisconnectReason, Item};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Event, EventTarget};

use crate::{
    client::{Client, next, next_disconnected, next_or_end, read_numbers, short_delays},
    environment::{get, global, hide, is_window, pause},
    servers::Script,
};

/// The wake-up events of a browser, and functions that dispatch them.
const WAKE_UPS: [(&str, fn()); 3] = [
    ("online", || dispatch_global("online", None)),
    ("pageshow", || dispatch_global("pageshow", Some(true))),
    ("resume", || {
        dispatch(&global("document"), &event("resume", None));
    }),
];

/// A delay that never passes in a test.
const UNREACHABLE_DELAY: Duration = Duration::from_secs(3600);

/// A stream that is silent after an event. No browser treats it as dead.
const SILENT_STREAM: &str = "/events?n=9&take=1&then=silence";

#[wasm_bindgen_test]
async fn a_wake_up_ends_the_delay() {
    for client in Client::BOTH {
        for (name, wake_up) in wake_ups() {
            let script = Script::new("/events?n=1&status=503&times=1&then=silence");
            let config = ClientConfig::default()
                .min_delay(UNREACHABLE_DELAY)
                .max_delay(UNREACHABLE_DELAY);
            let builder = Builder::new(&script.url).config(config);
            let mut items = client.open(builder, &[]);
            next_disconnected(&mut items).await;
            wake_up();
            assert_eq!(next(&mut items).await, Item::Open, "{client:?}, {name}");
            read_numbers(&mut items, 1..=1).await;
            assert_eq!(script.counts().await.requests, 2.0);
        }
    }
}

#[wasm_bindgen_test]
async fn a_wake_up_replaces_an_open_connection() {
    for client in Client::BOTH {
        let script = Script::new(SILENT_STREAM);
        let mut items = client.open(builder(&script), &[]);
        read_numbers(&mut items, 1..=1).await;
        let mut number = 1;
        for (name, wake_up) in wake_ups() {
            wake_up();
            number += 1;
            let losses = read_numbers(&mut items, number..=number).await;
            assert_eq!(
                losses,
                [Some(DisconnectReason::Requested)],
                "{client:?}, {name}"
            );
        }
        assert_eq!(script.counts().await.requests, number as f64);
        drop(items);
        script.wait_until_cancelled(number as f64).await;
    }
}

/// A sleep advances the wall clock and not the clock of the page.
#[wasm_bindgen_test]
async fn sleep_is_detected() {
    for client in Client::BOTH {
        let script = Script::new(SILENT_STREAM);
        let mut items = client.open(builder(&script), &[]);
        read_numbers(&mut items, 1..=1).await;
        let shift = ClockShift::new(UNREACHABLE_DELAY);
        let losses = read_numbers(&mut items, 2..=2).await;
        assert_eq!(losses, [Some(DisconnectReason::Requested)], "{client:?}");
        drop(shift);
    }
}

/// A page that was loaded as usual does not reconnect.
#[wasm_bindgen_test]
async fn other_events_are_ignored() {
    for client in Client::BOTH {
        let script = Script::new(SILENT_STREAM);
        let mut items = client.open(builder(&script), &[]);
        read_numbers(&mut items, 1..=1).await;
        dispatch_global("pageshow", Some(false));
        dispatch_global("pageshow", None);
        dispatch_global("offline", None);
        assert_eq!(items.next().now_or_never(), None);
        pause(100).await;
        assert_eq!(script.counts().await.requests, 1.0);
    }
}

#[wasm_bindgen_test]
async fn can_be_turned_off() {
    for client in Client::BOTH {
        let script = Script::new(SILENT_STREAM);
        let builder = builder(&script).reconnect_on_wake(false);
        let mut items = client.open(builder, &[]);
        read_numbers(&mut items, 1..=1).await;
        wake_ups().for_each(|(_, wake_up)| wake_up());
        assert_eq!(items.next().now_or_never(), None);
        pause(100).await;
        assert_eq!(script.counts().await.requests, 1.0);
    }
}

#[wasm_bindgen_test]
async fn an_ended_stream_stays_ended() {
    for client in Client::BOTH {
        let script = Script::new(SILENT_STREAM);
        let mut items = client.open(builder(&script), &[]);
        read_numbers(&mut items, 1..=1).await;
        drop(items);
        wake_ups().for_each(|(_, wake_up)| wake_up());
        script.wait_until_cancelled(1.0).await;
    }
    let refused = Script::new("/events?status=404");
    let mut items = builder(&refused).fetch().unwrap();
    assert!(matches!(next(&mut items).await, Item::Closed(_)));
    wake_ups().for_each(|(_, wake_up)| wake_up());
    assert_eq!(next_or_end(&mut items).await, None);
    assert_eq!(refused.counts().await.requests, 1.0);
}

/// A listener may close the source when it is notified of the lost connection.
#[wasm_bindgen_test]
async fn an_error_callback_can_close_the_source() {
    let script = Script::new(SILENT_STREAM);
    let builder = builder(&script).reconnect_with_query("last-event-id");
    let source = builder.native().unwrap();
    let mut items = source.items([]);
    read_numbers(&mut items, 1..=1).await;
    let closing = source.clone();
    let _subscription = source.on_error(move |_| closing.close());
    dispatch_global("online", None);
    while next_or_end(&mut items).await.is_some() {}
    script.wait_until_cancelled(1.0).await;
}

#[wasm_bindgen_test]
async fn a_request_that_is_sent_once_is_not_sent_again() {
    let script = Script::new(SILENT_STREAM);
    let mut items = builder(&script).method("POST").fetch().unwrap();
    wake_ups().for_each(|(_, wake_up)| wake_up());
    read_numbers(&mut items, 1..=1).await;
    wake_ups().for_each(|(_, wake_up)| wake_up());
    assert_eq!(items.next().now_or_never(), None);
    pause(100).await;
    assert_eq!(script.counts().await.requests, 1.0);
}

#[wasm_bindgen_test]
async fn a_paused_stream_stays_paused() {
    if !is_window() {
        return;
    }
    let script = Script::new(SILENT_STREAM);
    let builder = builder(&script).pause_when_hidden(true);
    let mut items = builder.fetch().unwrap();
    read_numbers(&mut items, 1..=1).await;
    hide(true);
    wake_ups().for_each(|(_, wake_up)| wake_up());
    assert_eq!(items.next().now_or_never(), None);
    script.wait_until_cancelled(1.0).await;
    wake_ups().for_each(|(_, wake_up)| wake_up());
    assert_eq!(items.next().now_or_never(), None);
    pause(100).await;
    assert_eq!(script.counts().await.requests, 1.0);
    hide(false);
    read_numbers(&mut items, 2..=2).await;
    assert_eq!(script.counts().await.requests, 2.0);
}

/// All tabs that share the connection continue.
#[wasm_bindgen_test]
async fn all_tabs_resume() {
    let script = Script::new(SILENT_STREAM);
    let mut tabs = [1, 2].map(|_| {
        builder(&script)
            .response_details(true)
            .share("wake")
            .unwrap()
    });
    read_numbers(&mut tabs[0], 1..=1).await;
    // The second tab may have joined too late for the event.
    assert_eq!(next(&mut tabs[1]).await, Item::Open);
    dispatch_global("online", None);
    for tab in &mut tabs {
        while !matches!(next(tab).await, Item::Event(event) if event.data == "2") {}
    }
    assert_eq!(script.counts().await.requests, 2.0);
}

fn builder(script: &Script) -> Builder {
    Builder::new(&script.url).config(short_delays())
}

/// Returns the wake-up events of this environment. Workers have only the event of the network.
fn wake_ups() -> impl Iterator<Item = (&'static str, fn())> {
    WAKE_UPS.into_iter().take(if is_window() { 3 } else { 1 })
}

/// Dispatches an event at the window or the worker.
fn dispatch_global(name: &str, is_persisted: Option<bool>) {
    dispatch(&js_sys::global(), &event(name, is_persisted));
}

fn event(name: &str, is_persisted: Option<bool>) -> Event {
    let event = Event::new(name).unwrap();
    if let Some(is_persisted) = is_persisted {
        Reflect::set(&event, &"persisted".into(), &is_persisted.into()).unwrap();
    }
    event
}

fn dispatch(target: &JsValue, event: &Event) {
    let target: &EventTarget = target.unchecked_ref();
    target.dispatch_event(event).unwrap();
}

/// Sets the wall clock forward until it is dropped.
struct ClockShift {
    original: Function,
    _now: Closure<dyn Fn() -> f64>,
}

impl ClockShift {
    fn new(time: Duration) -> Self {
        let original: Function = get(&global("Date"), "now").unchecked_into();
        let shifted = Date::now() + time.as_millis() as f64;
        let now = Closure::<dyn Fn() -> f64>::new(move || shifted);
        set_now(now.as_ref());
        Self {
            original,
            _now: now,
        }
    }
}

impl Drop for ClockShift {
    fn drop(&mut self) {
        set_now(&self.original);
    }
}

fn set_now(now: &JsValue) {
    let date: Object = global("Date").unchecked_into();
    Reflect::set(&date, &"now".into(), now).unwrap();
}
