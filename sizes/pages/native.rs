//! Page with the stream of the wrapper.

use sse_wasm::EventSource;
use wasm_bindgen::prelude::wasm_bindgen;

mod items;
mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() {
    let source = EventSource::connect("/events");
    items::show(source.map(|source| source.items(["news"])));
}
