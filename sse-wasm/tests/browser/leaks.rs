//! Opening and closing connections many times leaks nothing.

use futures_util::{FutureExt, StreamExt};
use sse_wasm::Builder;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{next, next_event, soon},
    place::{holdings, pause},
    servers::{Script, contract, contract_has_streams},
};

#[wasm_bindgen_test]
async fn of_event_source() {
    event_source(1000).await;
}

#[wasm_bindgen_test]
async fn of_fetch() {
    fetch(1000).await;
}

/// Opens and drops connections. Each cycle creates one browser object and nine closures, including those that
/// reconnect.
pub(crate) async fn event_source(count: usize) {
    let cycles = async |count: usize| {
        for cycle in 0..count {
            let builder = Builder::new(&contract("/live?n=1")).config(soon());
            let builder = builder
                .reconnect_with_query("last-event-id")
                .ping_event_type("ping");
            let source = builder.native().unwrap();
            let items = source.items(["a", "b"]);
            let subscription = source.on_event("c", |_| {});
            drop((source, items, subscription));
            if cycle % 20 == 0 {
                // Browsers refuse new requests while too many others are being cancelled.
                pause(5).await;
            }
        }
        contract_has_streams(0).await;
    };
    cycles(500).await;
    let before = holdings();
    cycles(count).await;
    assert_eq!(holdings(), before);
}

/// Sends and cancels a request in each cycle.
pub(crate) async fn fetch(count: usize) {
    let script = Script::new("/events?every=1000");
    let cycles = async |count: usize| {
        for cycle in 0..count {
            let builder = Builder::new(&script.url).config(soon());
            let mut source = builder.pause_when_hidden(true).fetch().unwrap();
            assert_eq!(source.next().now_or_never(), None);
            drop(source);
            if cycle % 100 == 0 {
                pause(0).await;
            }
        }
        // The promises of cancelled requests are settled later.
        pause(500).await;
    };
    cycles(500).await;
    let before = holdings();
    cycles(count).await;
    assert_eq!(holdings(), before);
}

/// Reads an event of an endless stream in each cycle.
#[wasm_bindgen_test]
async fn of_streams_that_were_read() {
    let script = Script::new("/events?every=1000");
    let cycles = async |count: usize| {
        for _ in 0..count {
            let builder = Builder::new(&script.url).config(soon());
            let mut items = builder.fetch().unwrap();
            next(&mut items).await;
            next_event(&mut items).await;
        }
        pause(500).await;
    };
    cycles(20).await;
    let before = holdings();
    cycles(200).await;
    assert_eq!(holdings(), before);
    script.is_cancelled(220.0).await;
}
