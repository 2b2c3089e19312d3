//! The page with the stream of the wrapper.

use sse_wasm::Builder;
use wasm_bindgen::prelude::wasm_bindgen;

mod items;
mod page;

#[wasm_bindgen(start)]
fn start() {
    items::show(Builder::new("/events"));
}
