//! Page with the client over `fetch`.

use sse_wasm::Builder;
use wasm_bindgen::prelude::wasm_bindgen;

mod items;
mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() {
    let builder = Builder::new("/events").header("Authorization", "Bearer …");
    items::show(builder.fetch());
}
