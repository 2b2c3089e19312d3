//! The demo page: two clients that show four feeds of one stream, and buttons that inject faults.
//!
//! # Map
//!
//! ```text
//! lib.rs              checks the browser, then starts the clients
//!    │
//! controls.rs         the buttons, and the state that they share with the clients
//!    ├── native.rs        EventSource, which fills the feeds
//!    │     ├── feeds.rs       the time, news, scores
//!    │     │     ├── stocks.rs    prices, their changes, their charts
//!    │     │     └── record.rs    the JSON of an event, parsed by the browser
//!    │     └── counters.rs    the counters of the server
//!    └── fetch.rs         the client over fetch, which shows raw frames
//! client.rs           the card of a client: state, reason, next attempt
//!    ├── meter.rs         replayed, lost and duplicate events
//!    └── log.rs           the events, with filter, pause, clear and export
//! tabs.rs             the two logs as tabs
//! dom.rs              helpers to find, create and listen to elements
//! ```

mod client;
mod controls;
mod counters;
mod dom;
mod feeds;
mod fetch;
mod log;
mod meter;
mod native;
mod record;
mod stocks;
mod tabs;

use core::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::UrlSearchParams;

use crate::{client::Client, controls::Controls, log::Log, native::Page};

/// Interval of the updates that depend on the time, in milliseconds.
const UPDATE_INTERVAL_MS: f64 = 250.0;

/// An allocator with less code than the default one, which makes the wasm smaller.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Starts the page, after its wasm was loaded.
#[wasm_bindgen(start)]
fn start() -> Result<(), JsValue> {
    let is_supported = sse_wasm::is_supported() && !is_forced_unsupported();
    show_feature("feature-event-source", is_supported)?;
    show_feature("feature-fetch", sse_wasm::is_fetch_supported())?;
    let support = dom::by_id("support")?;
    if !is_supported {
        support.set_text_content(Some("Sorry! No server-sent events support.."));
        return support.set_attribute("data-support", "no");
    }
    support.set_text_content(Some("Your browser supports server-sent events."));
    support.set_attribute("data-support", "yes")?;
    dom::set(&dom::by_id("live")?, "hidden", false)?;

    let controls = Rc::new(Controls::new()?);
    tabs::set_up()?;
    controls.set_up()?;
    let page = Rc::new(RefCell::new(Page::find()?));
    let fetch = Client::find("fetch-", Log::find("raw", "frames.sse")?)?;
    let fetch = Rc::new(RefCell::new(fetch));
    dom::spawn(native::run(Rc::clone(&page), Rc::clone(&controls)));
    dom::spawn(fetch::run(Rc::clone(&fetch), controls));
    dom::spawn(async move {
        loop {
            dom::sleep(UPDATE_INTERVAL_MS).await?;
            page.borrow_mut().tick()?;
            fetch.borrow().tick()?;
        }
    });
    Ok(())
}

/// Shows whether the browser has a feature.
fn show_feature(id: &str, is_supported: bool) -> Result<(), JsValue> {
    let support = if is_supported { "yes" } else { "no" };
    dom::by_id(id)?.set_attribute("data-support", support)
}

/// Returns whether the URL has `force=unsupported`, which shows the page of a browser without support.
fn is_forced_unsupported() -> bool {
    let query = web_sys::window().and_then(|window| window.location().search().ok());
    query
        .and_then(|query| UrlSearchParams::new_with_str(&query).ok())
        .and_then(|parameters| parameters.get("force"))
        .is_some_and(|forced| forced == "unsupported")
}
