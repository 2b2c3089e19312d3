use futures_util::{Stream, StreamExt};
use sse_wasm::{Error, Item};
use wasm_bindgen_futures::spawn_local;

use crate::page;

/// Shows the items of a client.
pub(crate) fn show(items: Result<impl Stream<Item = Item> + Unpin + 'static, Error>) {
    let Ok(mut items) = items else {
        page::show("Sorry! No server-sent events support..");
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
