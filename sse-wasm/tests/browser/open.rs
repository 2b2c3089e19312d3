//! The client that `Builder::open` chooses: `EventSource` or `fetch`.

use sse_wasm::{Builder, Error, EventId, Item, is_fetch_supported, is_supported};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::AbortController;

use crate::{
    client::{event, next, next_event},
    environment::without,
    servers::{Script, contract},
};

#[wasm_bindgen_test]
async fn uses_event_source_if_it_supports_all_options() {
    let script = Script::new("/events?n=1&then=silence&tail=event:x%0Adata:y%0A%0A");
    let builder = Builder::new(&script.url).with_credentials(true);
    let mut items = builder.event_types(["x"]).open().unwrap();
    let source = items.source().unwrap().clone();
    assert!(source.with_credentials());
    assert_eq!(next(&mut items).await, Item::Open);
    assert_eq!(next_event(&mut items).await, event("message", "1", "1"));
    assert_eq!(next_event(&mut items).await, event("x", "y", "1"));
}

#[wasm_bindgen_test]
fn uses_fetch_for_options_that_event_source_lacks() {
    let builder = || Builder::new(&contract("/golden"));
    let request_options = [
        builder().method("POST"),
        builder().header("x", "y"),
        builder().body("text"),
        builder().map_request(async |request| Ok(request)),
        builder().last_event_id(EventId::from(3)),
        builder().abort_signal(AbortController::new().unwrap().signal()),
        builder().pause_when_hidden(true),
        builder().response_details(true),
        builder().resend(false),
    ];
    for builder in request_options {
        assert!(builder.open().unwrap().source().is_none());
    }
    let error = builder().header("x", "y").native().unwrap_err();
    assert_eq!(error, builder().header("x", "y").native().unwrap_err());
    assert!(matches!(error, Error::NeedsFetch { .. }));
    assert_eq!(error.to_string(), "EventSource does not support headers");
}

#[wasm_bindgen_test]
async fn uses_fetch_without_event_source() {
    let builder = || Builder::new(&contract("/golden"));
    let mut items = without("EventSource", || {
        assert!(!is_supported());
        builder().open().unwrap()
    });
    assert!(items.source().is_none());
    assert_eq!(next(&mut items).await, Item::Open);
    assert_eq!(next(&mut items).await, Item::Comment(String::new()));
}

#[wasm_bindgen_test]
fn is_an_error_without_both() {
    let builder = || Builder::new(&contract("/golden"));
    for name in ["fetch", "ReadableStream", "AbortController"] {
        without(name, || {
            assert!(!is_fetch_supported());
            assert!(builder().open().unwrap().source().is_some());
            for result in [
                builder().response_details(true).open().map(drop),
                builder().fetch().map(drop),
            ] {
                assert!(matches!(result, Err(Error::Unsupported { .. })), "{name}");
            }
            let opened = without("EventSource", || builder().open());
            assert!(matches!(opened, Err(Error::Unsupported { .. })), "{name}");
        });
    }
    assert!(is_fetch_supported());
}
