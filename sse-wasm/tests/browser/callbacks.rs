//! Callbacks of the browser's own `EventSource`: their order, and that they can close and drop.

use std::{cell::RefCell, rc::Rc};

use sse_wasm::{EventSource, Item, ReadyState};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{next, next_event, next_or_end},
    environment::pause,
    servers::{Script, contract},
};

/// Log of the callbacks.
type Log = Rc<RefCell<Vec<String>>>;

#[wasm_bindgen_test]
async fn callbacks_run_in_order_until_their_subscription_is_dropped() {
    let source = EventSource::connect(&contract("/golden")).unwrap();
    let log = Log::default();
    let logger = |what: &'static str| {
        let log = Rc::clone(&log);
        move |detail: String| log.borrow_mut().push(format!("{what} {detail}"))
    };
    let (open, message, error) = (logger("open"), logger("message"), logger("error"));
    let subscriptions = [
        source.on_open(move || open(String::new())),
        source.on_event("message", move |event| {
            message(event.last_event_id.to_string())
        }),
        source.on_error(move |state| error(format!("{state:?}"))),
    ];
    let update = logger("update");
    let only_update = source.on_event("update", move |event| {
        update(event.last_event_id.to_string())
    });
    let mut done = source.items(["done"]);
    let is_done = |item: &Item| matches!(item, Item::Event(event) if event.event_type == "done");
    while !is_done(&next(&mut done).await) {}
    drop(only_update);
    assert_eq!(
        *log.borrow(),
        [
            "open ",
            "message 1",
            "update 2",
            "message 3",
            "message 4",
            "message 5",
            "message 6"
        ]
    );
    while !matches!(next(&mut done).await, Item::Disconnected(_)) {}
    assert_eq!(log.borrow().last().unwrap(), "error Connecting");
    drop(subscriptions);
    let count = log.borrow().len();
    while !matches!(next(&mut done).await, Item::Disconnected(_)) {}
    assert_eq!(log.borrow().len(), count, "event after the drop");
}

#[wasm_bindgen_test]
async fn a_callback_can_drop_its_subscription() {
    let source = EventSource::connect(&contract("/live?n=100000&ms=1")).unwrap();
    let slot = Rc::new(RefCell::new(None));
    let calls = Rc::new(RefCell::new(0));
    let subscription = source.on_event("message", {
        let (slot, calls) = (Rc::clone(&slot), Rc::clone(&calls));
        move |_| {
            *calls.borrow_mut() += 1;
            drop(slot.take());
        }
    });
    slot.replace(Some(subscription));
    let mut items = source.items([]);
    assert_eq!(next(&mut items).await, Item::Open);
    for _ in 0..20 {
        next_event(&mut items).await;
    }
    assert_eq!(*calls.borrow(), 1);
}

/// Nothing else keeps the connection open in this test.
#[wasm_bindgen_test]
async fn a_callback_can_drop_the_last_subscription() {
    let script = Script::new("/events?n=100000&every=1");
    let source = EventSource::connect(&script.url).unwrap();
    let raw = source.raw();
    let slot = Rc::new(RefCell::new(None));
    let subscription = source.on_event("message", {
        let slot = Rc::clone(&slot);
        move |_| drop(slot.take())
    });
    slot.replace(Some(subscription));
    drop(source);
    script.wait_until_cancelled(1.0).await;
    assert_eq!(raw.ready_state(), web_sys::EventSource::CLOSED);
}

#[wasm_bindgen_test]
async fn any_callback_can_close_the_source() {
    for when in ["open", "message", "error"] {
        let script = Script::new("/events?n=3&every=50");
        let source = EventSource::connect(&script.url).unwrap();
        let log = Log::default();
        let logger = |what: &'static str| {
            let (log, source) = (Rc::clone(&log), source.clone());
            move || {
                log.borrow_mut().push(what.to_owned());
                if what == when {
                    source.close();
                }
            }
        };
        let (open, message, error) = (logger("open"), logger("message"), logger("error"));
        let _subscriptions = [
            source.on_open(open),
            source.on_event("message", move |_| message()),
            source.on_error(move |_| error()),
        ];
        let mut items = source.items([]);
        while next_or_end(&mut items).await.is_some() {}
        assert_eq!(source.ready_state(), ReadyState::Closed);
        pause(200).await;
        let all = ["open", "message", "message", "message", "error"];
        let last = all.iter().position(|what| *what == when).unwrap();
        assert_eq!(*log.borrow(), all[..=last]);
        assert_eq!(script.counts().await.requests, 1.0);
    }
}
