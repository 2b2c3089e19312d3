//! Page with gloo-net.

use futures_util::{StreamExt, stream};
use gloo_net::eventsource::futures::EventSource;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() {
    let Ok(mut source) = EventSource::new("/events") else {
        page::show("Sorry! No server-sent events support..");
        return;
    };
    let (Ok(messages), Ok(news)) = (source.subscribe("message"), source.subscribe("news")) else {
        return;
    };
    let mut items = stream::select(messages, news);
    spawn_local(async move {
        let _source = source;
        while let Some(item) = items.next().await {
            match item {
                Ok((_, event)) => page::show(&event.data().as_string().unwrap_or_default()),
                Err(_) => page::show("lost"),
            }
        }
    });
}
