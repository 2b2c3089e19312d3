//! The page with whichever client can do it, and the other one not needed.

use futures_util::StreamExt;
use sse_wasm::{Builder, Item};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() {
    let builder = Builder::new("/events").with_event_types(["news"]);
    let Ok(mut items) = builder.with_revival("last-event-id").open() else {
        page::show("Sorry! No server-sent events support..");
        return;
    };
    spawn_local(async move {
        while let Some(item) = items.next().await {
            match item {
                Item::Open => page::show("open"),
                Item::Event(event) => page::show(&event.data),
                Item::Disconnected(_) => page::show("lost"),
                Item::Closed(_) => page::show("closed"),
                _ => {}
            }
        }
    });
}
