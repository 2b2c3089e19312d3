//! Page with a wrapper that reconnects after the browser has given up.

use sse_wasm::Builder;
use wasm_bindgen::prelude::wasm_bindgen;

mod items;
mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() {
    let source = Builder::new("/events")
        .reconnect_with_query("lastEventId")
        .native();
    items::show(source.map(|source| source.items(["news"])));
}
