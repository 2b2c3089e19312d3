//! Server-sent events in the browser: the browser's own [`EventSource`][dom], for Rust.
//!
//! [dom]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//!
//! # Map
//!
//! ```text
//!   is_supported()         may I?
//!         │
//!    EventSource           the connection; a handle that is cheap to clone   (event_source.rs)
//!      │      │
//!  on_event  items         each holds the connection open while it lives
//!      │      │
//! Subscription  Items      a callback (subscription.rs), or one ordered stream (items.rs)
//! ```
//!
//! The connection is closed when the last of its handles, subscriptions and streams is dropped, or
//! by [`EventSource::close`]. Dropping one of them never harms another.
//!
//! # Example
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use sse_wasm::{EventSource, Item};
//!
//! # async fn example() -> Result<(), sse_wasm::Error> {
//! if !sse_wasm::is_supported() {
//!     return Ok(()); // say so on the page
//! }
//! let mut items = EventSource::connect("/events")?.items(["stocks", "news"]);
//! while let Some(item) = items.next().await {
//!     match item {
//!         Item::Open => { /* show that it is live */ }
//!         Item::Event(event) => { /* event.event_type(), event.data(), event.last_event_id() */ }
//!         Item::Error(ready_state) => { /* the browser reconnects, or gave up */ }
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod error;
mod event_source;
mod items;
mod subscription;

pub use error::Error;
pub use event_source::{EventSource, ReadyState};
pub use items::{Item, Items, QUEUE_LIMIT};
pub use sse_proto::Event;
pub use subscription::Subscription;

/// Whether this window or worker has an `EventSource`.
pub fn is_supported() -> bool {
    js_sys::Reflect::get(&js_sys::global(), &"EventSource".into())
        .is_ok_and(|constructor| !constructor.is_undefined())
}
