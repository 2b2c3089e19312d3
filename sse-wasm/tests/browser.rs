//! The wrapper in a real browser, against the contract server of sse-hyper on another origin: the
//! port after the one of the page. `cargo xtask test-browser` brings both.
#![cfg(target_family = "wasm")]

use std::{cell::RefCell, rc::Rc};

use futures_util::{StreamExt, future::join};
use sse_wasm::{Builder, Error, Event, EventSource, Item, Items, ReadyState, is_supported};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn a_browser_has_it_and_we_say_when_it_has_not() {
    assert!(is_supported());
    let global = js_sys::global();
    let name = JsValue::from_str("EventSource");
    let original = js_sys::Reflect::get(&global, &name).unwrap();
    js_sys::Reflect::set(&global, &name, &JsValue::UNDEFINED).unwrap();
    let (supported, connected) = (is_supported(), EventSource::connect("/"));
    js_sys::Reflect::set(&global, &name, &original).unwrap();

    assert!(!supported);
    assert!(matches!(connected, Err(Error::Unsupported { .. })));
    assert!(is_supported());
}

#[wasm_bindgen_test]
fn a_url_that_is_none_is_an_error_that_says_so() {
    let error = EventSource::connect("http://[").unwrap_err();
    assert!(matches!(&error, Error::InvalidUrl { url, .. } if url == "http://["));
    assert!(
        error.to_string().starts_with("invalid URL http://[: "),
        "{error}"
    );
    assert!(
        error.to_string().len() > 30,
        "the browser's reason is in it: {error}"
    );
}

#[wasm_bindgen_test]
async fn all_events_come_in_order_with_what_happens_between() {
    let mut items = connect("/golden").items(["update", "message", "done"]);
    assert_eq!(
        items.source().unwrap().ready_state(),
        ReadyState::Connecting
    );
    assert_eq!(items.next().await, Some(Item::Open));
    let golden = [
        ("message", "hello"),
        ("update", "line 1\nline 2"),
        ("message", ""),
        ("message", "€豆腐😀"),
        ("message", " leading space kept"),
        ("message", r#"{"a":"b: c"}"#),
        ("done", "bye"),
    ];
    for ((event_type, data), id) in golden.into_iter().zip(1..) {
        let event = next_event(&mut items).await;
        assert_eq!(event.event_type, event_type);
        assert_eq!(event.data, data);
        assert_eq!(event.last_event_id, id.to_string());
    }
    assert_eq!(items.source().unwrap().last_event_id(), "7");
    // The body has ended, so the browser reconnects after the 500 ms that the server asked for,
    // and has seen all there is.
    assert_lost(&mut items).await;
    assert_eq!(items.next().await, Some(Item::Open));
    assert_lost(&mut items).await;
}

#[wasm_bindgen_test]
async fn types_that_nobody_asked_for_do_not_come() {
    let mut items = connect("/golden").items([]);
    assert_eq!(items.next().await, Some(Item::Open));
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
async fn a_server_that_refuses_ends_the_stream() {
    let mut items = connect("/nothing-here").items([]);
    assert!(matches!(items.next().await, Some(Item::Closed(_))));
    assert_eq!(items.next().await, None);
}

#[wasm_bindgen_test]
async fn closing_ends_every_stream_also_one_that_waits() {
    let source = connect("/live?n=2&ms=3600000");
    let mut items = source.items([]);
    assert_eq!(items.next().await, Some(Item::Open));
    next_event(&mut items).await;
    let waiting = items.next();
    let close = async { source.close() };
    let (end, ()) = join(waiting, close).await;
    assert_eq!(end, None);
    assert_eq!(source.ready_state(), ReadyState::Closed);
    streams_of_the_server_become(0).await;
}

#[wasm_bindgen_test]
async fn a_dropped_handle_harms_nobody_and_the_last_one_closes() {
    let source = connect("/live?n=100000&ms=10");
    let raw = source.raw().clone();
    let (mut one, mut other) = (source.items([]), source.clone().items([]));
    drop(source);
    assert_eq!(one.next().await, Some(Item::Open));
    next_event(&mut one).await;
    drop(one);
    assert_eq!(other.next().await, Some(Item::Open));
    next_event(&mut other).await;
    assert_eq!(raw.ready_state(), web_sys::EventSource::OPEN);
    drop(other);
    assert_eq!(raw.ready_state(), web_sys::EventSource::CLOSED);
    streams_of_the_server_become(0).await;
}

#[wasm_bindgen_test]
async fn callbacks_come_in_order_and_stop_with_their_subscription() {
    let source = connect("/golden");
    let seen = Rc::new(RefCell::new(Vec::new()));
    let note = |what: &'static str| {
        let seen = Rc::clone(&seen);
        move |detail: String| seen.borrow_mut().push(format!("{what} {detail}"))
    };
    let (open, message, error) = (note("open"), note("message"), note("error"));
    let subscriptions = [
        source.on_open(move || open(String::new())),
        source.on_event("message", move |event| message(event.last_event_id)),
        source.on_error(move |state| error(format!("{state:?}"))),
    ];
    let update = note("update");
    let only_update = source.on_event("update", move |event| update(event.last_event_id));
    let mut done = source.items(["done"]);
    let is_done = |item: &Item| matches!(item, Item::Event(event) if event.event_type == "done");
    while !is_done(&done.next().await.expect("an open connection")) {}
    drop(only_update);
    assert_eq!(
        *seen.borrow(),
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
    while !matches!(done.next().await, Some(Item::Disconnected(_))) {}
    assert_eq!(seen.borrow().last().unwrap(), "error Connecting");
    drop(subscriptions);
    let count = seen.borrow().len();
    while !matches!(done.next().await, Some(Item::Disconnected(_))) {}
    assert_eq!(seen.borrow().len(), count, "nobody listens any more");
}

#[wasm_bindgen_test]
async fn a_subscription_may_drop_itself_from_within() {
    let source = connect("/live?n=100000&ms=1");
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
    for _ in 0..20 {
        items.next().await;
    }
    assert_eq!(*calls.borrow(), 1);
}

#[wasm_bindgen_test]
async fn events_that_are_named_like_news_of_the_connection_are_events() {
    for name in ["error", "open"] {
        let source = connect(&format!("/echo?data=x&event={name}&id=1"));
        let mut items = source.items([name]);
        assert_eq!(items.next().await, Some(Item::Open));
        let event = next_event(&mut items).await;
        assert_eq!((&*event.event_type, &*event.data), (name, "x"));
        assert_lost(&mut items).await;
    }
}

#[wasm_bindgen_test]
async fn a_consumer_that_sleeps_is_told_how_much_it_missed() {
    let mut items = connect("/live?n=6000&ms=0").items([]);
    assert_eq!(items.next().await, Some(Item::Open));
    while items.source().unwrap().last_event_id() != "6000" {
        pause(20).await;
    }
    items.source().unwrap().close();
    let Some(Item::Lagged(missed)) = items.next().await else {
        panic!("it has missed some");
    };
    let rest: Vec<Item> = items.collect().await;
    assert_eq!(rest.len(), sse_wasm::QUEUE_LIMIT);
    assert!(missed >= 6000 - rest.len() as u64, "{missed}");
}

#[wasm_bindgen_test]
fn credentials_are_sent_only_if_asked() {
    let url = server("/live");
    let with = Builder::new(&url).with_credentials().native().unwrap();
    assert!(with.with_credentials());
    assert!(!EventSource::connect(&url).unwrap().with_credentials());
    assert_eq!(with.url(), url);
}

/// Each cycle makes one browser object and five closures. If any stayed, memory would grow.
#[wasm_bindgen_test]
async fn nothing_is_leaked() {
    async fn cycles(count: usize) {
        for cycle in 0..count {
            let source = connect("/live?n=1");
            let items = source.items(["a", "b"]);
            let subscription = source.on_event("c", |_| {});
            drop((source, items, subscription));
            if cycle % 50 == 0 {
                pause(0).await;
            }
        }
    }
    cycles(300).await;
    let before = memory();
    cycles(3000).await;
    assert_eq!(memory(), before);
    streams_of_the_server_become(0).await;
}

fn connect(path: &str) -> EventSource {
    EventSource::connect(&server(path)).expect("a connection")
}

/// The URL on the contract server.
fn server(path: &str) -> String {
    let location = web_sys::window().expect("a window").location();
    let port = location.port().expect("a port");
    #[expect(clippy::disallowed_methods, reason = "the browser's own digits")]
    let port: u16 = port.parse().expect("a number");
    format!("http://127.0.0.1:{}{path}", port + 1)
}

async fn assert_lost(items: &mut Items) {
    match items.next().await {
        Some(Item::Disconnected(disconnected)) => assert_eq!(disconnected.delay, None),
        other => panic!("it is not lost: {other:?}"),
    }
}

async fn next_event(items: &mut Items) -> Event {
    match items.next().await {
        Some(Item::Event(event)) => event,
        other => panic!("no event: {other:?}"),
    }
}

/// Waits until the server has so many open streams; the test's own time limit ends it.
async fn streams_of_the_server_become(count: usize) {
    let window = web_sys::window().expect("a window");
    loop {
        let response = JsFuture::from(window.fetch_with_str(&server("/stats")))
            .await
            .unwrap();
        let response: web_sys::Response = response.unchecked_into();
        let text = JsFuture::from(response.text().unwrap()).await.unwrap();
        if text.as_string().unwrap() == format!("{{\"active\": {count}}}") {
            return;
        }
        pause(20).await;
    }
}

async fn pause(milliseconds: i32) {
    let window = web_sys::window().expect("a window");
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let timer =
            window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
        timer.expect("a timer");
    });
    JsFuture::from(promise).await.expect("a timer never fails");
}

/// How much memory the whole of this wasm has, in bytes.
fn memory() -> f64 {
    let memory = wasm_bindgen::memory();
    let buffer = js_sys::Reflect::get(&memory, &"buffer".into()).expect("a buffer");
    buffer
        .unchecked_into::<js_sys::ArrayBuffer>()
        .byte_length()
        .into()
}
