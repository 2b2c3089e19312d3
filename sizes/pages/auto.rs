//! Page with the client that is chosen at run time.

use sse_wasm::Builder;
use wasm_bindgen::prelude::wasm_bindgen;

mod items;
mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() {
    let builder = Builder::new("/events").event_types(["news"]);
    items::show(builder.reconnect_with_query("lastEventId").open());
}
