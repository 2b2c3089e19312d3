//! Page with the callbacks of the wrapper.

use sse_wasm::{EventSource, ReadyState};
use wasm_bindgen::prelude::wasm_bindgen;

mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() {
    if !sse_wasm::is_supported() {
        page::show("Sorry! No server-sent events support..");
        return;
    }
    let Ok(source) = EventSource::connect("/events") else {
        return;
    };
    let subscriptions = [
        source.on_open(|| page::show("open")),
        source.on_error(|state| {
            page::show(match state {
                ReadyState::Closed => "closed",
                _ => "lost",
            });
        }),
        source.on_event("message", |event| page::show(&event.data)),
        source.on_event("news", |event| page::show(&event.data)),
    ];
    core::mem::forget(subscriptions);
}
