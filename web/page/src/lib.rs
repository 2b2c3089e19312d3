//! The demo page: four feeds as named events of one stream, over one connection.
//!
//! # Map
//!
//! ```text
//! lib.rs          may I? then keep a connection up, and show each item that comes
//!    │
//! page.rs         the state of the connection, the last event ID, the count
//!    ├── log.rs       everything that happened, newest first
//!    └── feeds.rs     each event to its feed: the time, news, scores
//!          ├── stocks.rs   prices, their changes, their lines
//!          └── record.rs   an event's JSON, read by the browser
//! dom.rs          finding and making elements
//! ```

mod dom;
mod feeds;
mod log;
mod page;
mod record;
mod stocks;

use futures_util::StreamExt;
use js_sys::Promise;
use sse_wasm::EventSource;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::UrlSearchParams;

use crate::page::{Page, State};

/// Where the events come from.
const EVENTS: &str = "/events";

/// How long to wait before a new connection when the browser has given up on the old one.
const RETRY_MILLISECONDS: i32 = 5000;

/// The page begins here, once its wasm has been loaded.
#[wasm_bindgen(start)]
fn start() -> Result<(), JsValue> {
    let support = dom::by_id("support")?;
    if !sse_wasm::is_supported() || is_forced_unsupported() {
        support.set_text_content(Some("Sorry! No server-sent events support.."));
        return support.set_attribute("data-support", "no");
    }
    support.set_text_content(Some("Your browser supports server-sent events."));
    support.set_attribute("data-support", "yes")?;
    dom::by_id("live")?.remove_attribute("hidden")?;

    let page = Page::find()?;
    spawn_local(async {
        if let Err(fault) = keep_up(page).await {
            web_sys::console::error_1(&fault);
        }
    });
    Ok(())
}

/// Whether the URL of the page asks to see it as a browser without support would.
fn is_forced_unsupported() -> bool {
    let query = web_sys::window().and_then(|window| window.location().search().ok());
    query
        .and_then(|query| UrlSearchParams::new_with_str(&query).ok())
        .and_then(|parameters| parameters.get("force"))
        .is_some_and(|forced| forced == "unsupported")
}

/// Shows what comes, for as long as the page is there. The browser reconnects by itself until it
/// gives up, as it does for a 503; then a new connection takes over after a while.
async fn keep_up(mut page: Page) -> Result<(), JsValue> {
    loop {
        page.set_state(State::Connecting)?;
        let source = EventSource::connect(&url_after(page.last_event_id()))
            .map_err(|error| JsValue::from(error.to_string()))?;
        let mut items = source.items(feeds::EVENT_TYPES);
        while let Some(item) = items.next().await {
            page.show(item)?;
        }
        sleep(RETRY_MILLISECONDS).await?;
    }
}

/// The URL of the events after this one. A new connection has no way to send `Last-Event-ID` at
/// first, so the server also reads it from the query.
fn url_after(last_event_id: &str) -> String {
    if last_event_id.is_empty() {
        return EVENTS.to_owned();
    }
    let id = String::from(js_sys::encode_uri_component(last_event_id));
    [EVENTS, "?lastEventId=", &id].concat()
}

/// Waits, with the browser's timer.
async fn sleep(milliseconds: i32) -> Result<(), JsValue> {
    let timer = Promise::new(&mut |resolve, reject| {
        let set = web_sys::window()
            .ok_or(JsValue::UNDEFINED)
            .and_then(|window| {
                window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds)
            });
        if let Err(fault) = set {
            let _ = reject.call1(&JsValue::UNDEFINED, &fault);
        }
    });
    JsFuture::from(timer).await.map(drop)
}
