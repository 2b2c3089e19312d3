//! The demo page: four feeds as named events of one stream, by two clients side by side, and buttons
//! to break them.
//!
//! # Map
//!
//! ```text
//! lib.rs              may I? then start the clients
//!    │
//! session.rs          what the clients and the buttons share: URLs, pace, stop and start
//!    ├── breaking.rs      the buttons
//!    ├── native.rs        EventSource, which feeds the page
//!    │     ├── feeds.rs       each event to its feed: the time, news, scores
//!    │     │     ├── stocks.rs    prices, their changes, their lines
//!    │     │     └── record.rs    an event's JSON, read by the browser
//!    │     └── counters.rs    what the server says of itself
//!    └── fetch.rs         the client over fetch, which shows raw frames
//! client.rs           the card of either: state, reason, next attempt
//!    ├── meter.rs         replayed, lost and duplicate events
//!    └── log.rs           what came, with filter, pause, clear and export
//! tabs.rs             the two logs as tabs
//! dom.rs              finding, making and hearing elements
//! ```

mod breaking;
mod client;
mod counters;
mod dom;
mod feeds;
mod fetch;
mod log;
mod meter;
mod native;
mod record;
mod session;
mod stocks;
mod tabs;

use core::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::UrlSearchParams;

use crate::{client::Client, log::Log, native::Page, session::Session};

/// How often is shown what changes with time, in milliseconds.
const TICK: f64 = 250.0;

/// Smaller on the way than the default one.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// The page begins here, once its wasm has been loaded.
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

    let session = Rc::new(Session::begin()?);
    tabs::set_up()?;
    breaking::set_up(&session)?;
    let page = Rc::new(RefCell::new(Page::find()?));
    let fetch = Client::find("fetch-", Log::find("raw", "frames.sse")?)?;
    let fetch = Rc::new(RefCell::new(fetch));
    dom::spawn(native::run(Rc::clone(&page), Rc::clone(&session)));
    dom::spawn(fetch::run(Rc::clone(&fetch), session));
    dom::spawn(async move {
        loop {
            dom::sleep(TICK).await?;
            page.borrow_mut().tick()?;
            fetch.borrow().tick()?;
        }
    });
    Ok(())
}

/// Says of something whether the browser has it.
fn show_feature(id: &str, is_there: bool) -> Result<(), JsValue> {
    let support = if is_there { "yes" } else { "no" };
    dom::by_id(id)?.set_attribute("data-support", support)
}

/// Whether the URL of the page asks to see it as a browser without support would.
fn is_forced_unsupported() -> bool {
    let query = web_sys::window().and_then(|window| window.location().search().ok());
    query
        .and_then(|query| UrlSearchParams::new_with_str(&query).ok())
        .and_then(|parameters| parameters.get("force"))
        .is_some_and(|forced| forced == "unsupported")
}
