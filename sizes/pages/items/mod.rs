use futures_util::StreamExt;
use sse_wasm::{Error, EventSource, Item};
use wasm_bindgen_futures::spawn_local;

use crate::page;

/// Shows what the browser's own `EventSource` says.
pub(crate) fn show(source: Result<EventSource, Error>) {
    let Ok(source) = source else {
        page::show("Sorry! No server-sent events support..");
        return;
    };
    let mut items = source.items(["news"]);
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
