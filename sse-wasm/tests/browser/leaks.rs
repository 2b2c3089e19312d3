//! Nothing stays behind of what was opened and closed, however often.

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

/// Each cycle makes one browser object and nine closures, with those of revival.
pub(crate) async fn event_source(count: usize) {
    let cycles = async |count: usize| {
        for cycle in 0..count {
            let builder = Builder::new(&contract("/live?n=1")).with_settings(soon());
            let builder = builder.with_revival("last-event-id").with_ping("ping");
            let source = builder.native().unwrap();
            let items = source.items(["a", "b"]);
            let subscription = source.on_event("c", |_| {});
            drop((source, items, subscription));
            if cycle % 20 == 0 {
                // For browsers that have too many requests to cancel refuse others.
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

/// Each cycle sends a request and cancels it.
pub(crate) async fn fetch(count: usize) {
    let script = Script::new("/events?every=1000");
    let cycles = async |count: usize| {
        for cycle in 0..count {
            let builder = Builder::new(&script.url).with_settings(soon());
            let mut source = builder.with_pause_when_hidden().fetch().unwrap();
            assert_eq!(source.next().now_or_never(), None);
            drop(source);
            if cycle % 100 == 0 {
                pause(0).await;
            }
        }
        // What was cancelled is told to promises later.
        pause(500).await;
    };
    cycles(500).await;
    let before = holdings();
    cycles(count).await;
    assert_eq!(holdings(), before);
}

/// Each cycle reads an event of a stream that goes on.
#[wasm_bindgen_test]
async fn of_streams_that_were_read() {
    let script = Script::new("/events?every=1000");
    let cycles = async |count: usize| {
        for _ in 0..count {
            let builder = Builder::new(&script.url).with_settings(soon());
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
