//! The page with the client over `fetch`.

use futures_util::StreamExt;
use sse_wasm::{Builder, Item};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() {
    if !sse_wasm::is_fetch_supported() {
        page::show("Sorry! No server-sent events support..");
        return;
    }
    let builder = Builder::new("/events").with_header("Authorization", "Bearer …");
    let Ok(mut items) = builder.fetch() else {
        return;
    };
    spawn_local(async move {
        while let Some(item) = items.next().await {
            match item {
                Item::Open => page::show("open"),
                Item::Event(event) => page::show(&event.data),
                Item::Disconnected(_) => page::show("lost"),
                Item::Closed(closed) => page::show(&closed.body),
                _ => {}
            }
        }
    });
}
