//! Opening and closing connections many times leaks nothing.

use futures_util::{FutureExt, StreamExt};
use sse_wasm::Builder;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{next, next_event, short_delays},
    environment::{memory_use, pause},
    servers::{Script, contract, wait_for_contract_streams},
};

#[wasm_bindgen_test]
async fn event_source_leaks_nothing() {
    event_source(1000).await;
}

#[wasm_bindgen_test]
async fn fetch_leaks_nothing() {
    fetch(1000).await;
}

/// Opens and drops connections. Each cycle creates one browser object and nine closures, including those that
/// reconnect.
pub(crate) async fn event_source(count: usize) {
    let cycles = async |count: usize| {
        for cycle in 0..count {
            let builder = Builder::new(&contract("/live?n=1")).config(short_delays());
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
        wait_for_contract_streams(0).await;
    };
    cycles(500).await;
    let before = memory_use();
    cycles(count).await;
    assert_eq!(memory_use(), before);
}

/// Sends and cancels a request in each cycle.
pub(crate) async fn fetch(count: usize) {
    let script = Script::new("/events?every=1000");
    let cycles = async |count: usize| {
        for cycle in 0..count {
            let builder = Builder::new(&script.url).config(short_delays());
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
    let before = memory_use();
    cycles(count).await;
    assert_eq!(memory_use(), before);
}

/// Reads an event of an endless stream in each cycle.
#[wasm_bindgen_test]
async fn streams_that_were_read_leak_nothing() {
    let script = Script::new("/events?every=1000");
    let cycles = async |count: usize| {
        for _ in 0..count {
            let builder = Builder::new(&script.url).config(short_delays());
            let mut items = builder.fetch().unwrap();
            next(&mut items).await;
            next_event(&mut items).await;
        }
        pause(500).await;
    };
    cycles(20).await;
    let before = memory_use();
    cycles(200).await;
    assert_eq!(memory_use(), before);
    script.wait_until_cancelled(220.0).await;
}
