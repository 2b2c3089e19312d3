//! Server-sent events in the browser, for Rust: the browser's own [`EventSource`][dom], made to
//! recover, and, with the feature `fetch`, a client over `fetch` for what `EventSource` cannot do.
//!
//! [dom]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//!
//! # Map
//!
//! ```text
//!   is_supported()          may I?                                          (support.rs)
//!         │
//!      Builder              what is asked for          (builder.rs; for fetch alone: wishes.rs)
//!      │  │  └───── open ── whichever of the two can do it
//!   native fetch
//!      │     └───────────── FetchSource    reads when it is polled         (fetch.rs)
//!      ▼                        │ sse_proto::connection
//!  EventSource                  │          a handle, cheap to clone        (event_source.rs)
//!      │   ╲                    │
//!  on_event items               │          each holds the connection open
//!      │      ╲                 │
//! Subscription Items ◀──────────┘          a callback (subscription.rs), or one ordered stream
//!      │                                   of items                        (items.rs, item.rs)
//!  Connection ── Revival                   the browser's object, and the next one when it gave
//!                                          up                  (connection.rs, revival.rs)
//! ```
//!
//! With the feature `share`, [`Builder::share`] has all tabs of an origin use one connection
//! (share.rs). Both clients connect again at once when the network, the page or the machine is back (wake.rs).
//! [`Json`] reads the data of events for pages that count their bytes.
//!
//! The connection is closed when the last of its handles, subscriptions and streams is dropped, or
//! by [`EventSource::close`]. Dropping one of them never harms another. All of it works in windows
//! and in workers of every kind.
//!
//! # Example
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use sse_wasm::{Builder, Item};
//!
//! # async fn example() -> Result<(), sse_wasm::Error> {
//! if !sse_wasm::is_supported() {
//!     return Ok(()); // say so on the page
//! }
//! let source = Builder::new("/events").with_revival("last-event-id").native()?;
//! let mut items = source.items(["stocks", "news"]);
//! while let Some(item) = items.next().await {
//!     match item {
//!         Item::Open => { /* show that it is live */ }
//!         Item::Event(event) => { /* event.event_type, event.data, event.last_event_id */ }
//!         Item::Disconnected(disconnected) => { /* disconnected.delay, if it is known */ }
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod builder;
mod clock;
mod connection;
mod dictionary;
mod error;
mod event_source;
#[cfg(feature = "fetch")]
mod fetch;
mod item;
mod items;
mod json;
mod listener;
mod queue;
mod ready_state;
mod revival;
#[cfg(feature = "share")]
mod share;
mod subscription;
mod support;
mod wake;
#[cfg(feature = "fetch")]
mod wishes;

pub use builder::Builder;
pub use error::Error;
pub use event_source::EventSource;
#[cfg(feature = "fetch")]
pub use fetch::{FetchSource, Handle};
pub use item::{Closed, Disconnected, Event, Item};
pub use items::Items;
pub use json::Json;
pub use queue::QUEUE_LIMIT;
pub use ready_state::ReadyState;
#[cfg(feature = "share")]
pub use share::Shared;
pub use sse_proto::{
    EventId, IdTooLong, MessageEvent,
    connection::{Reason, Settings},
};
pub use subscription::Subscription;
#[cfg(feature = "fetch")]
pub use support::is_fetch_supported;
pub use support::is_supported;
#[cfg(feature = "fetch")]
pub use wishes::Request;
