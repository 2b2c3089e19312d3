//! Receives server-sent events (SSE) in the browser, in Rust that is compiled to wasm.
//!
//! It wraps the browser's own [`EventSource`][dom] and can reconnect after the browser has given up.
//! With the feature `fetch`, it also has a client over `fetch` with headers, methods and bodies, which
//! `EventSource` does not support.
//!
//! [dom]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use sse_wasm::{Builder, Item};
//!
//! # async fn example() -> Result<(), sse_wasm::Error> {
//! if !sse_wasm::is_supported() {
//!     return Ok(()); // show a message on the page
//! }
//! let source = Builder::new("/events").reconnect_with_query("last-event-id").native()?;
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
//!
//! # Types
//!
//! ```text
//!   is_supported()          feature check
//!         │
//!      Builder              options
//!      │  │  └───── open ── uses EventSource, or fetch if an option needs it
//!   native fetch
//!      │     └───────────── FetchSource    reads only while it is polled
//!      ▼                        │
//!  EventSource                  │          handle of the connection, cheap to clone
//!      │   ╲                    │
//!  on_event items               │          each keeps the connection open
//!      │      ╲                 │
//! Subscription ItemStream ◀──────────┘          a callback, or one ordered stream of items
//! ```
//!
//! With the feature `share`, [`Builder::share`] lets all tabs of an origin use one connection.
//!
//! Both clients reconnect at once when the network is back, when the page is restored, and after the
//! machine was asleep. `EventSource` does so only with [`Builder::reconnect_with_query`].
//!
//! [`Json`] reads the data of events as JSON in pages that must stay small.
//!
//! The connection closes when its last handle, subscription or stream is dropped, or by
//! [`EventSource::close`]. Dropping one of them does not affect the others. Everything works in windows
//! and in all kinds of workers.

// Each type is in the file of its name. Other files:
//
// - `connection.rs` owns the browser's object.
// - `revival.rs` replaces it after the browser has given up.
// - `wake.rs` detects that the network, the page or the machine is back.
// - `request_options.rs` has the options that only `fetch` supports.
//
// `fetch.rs` and `revival.rs` are driven by the state machine `sse_proto::client`.

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
mod reconnect;
#[cfg(feature = "fetch")]
mod request_options;
#[cfg(feature = "share")]
mod share;
mod subscription;
mod support;
mod wake;

pub use builder::Builder;
pub use error::Error;
pub use event_source::EventSource;
#[cfg(feature = "fetch")]
pub use fetch::{FetchSource, Handle};
pub use item::{Closed, Disconnected, Event, Item};
pub use items::ItemStream;
pub use json::Json;
pub use queue::DEFAULT_QUEUE_LIMIT;
pub use ready_state::ReadyState;
#[cfg(feature = "fetch")]
pub use request_options::Request;
#[cfg(feature = "share")]
pub use share::SharedSource;
pub use sse_proto::{
    EventId, IdTooLong, MessageEvent,
    client::{ClientConfig, DisconnectReason},
};
pub use subscription::Subscription;
#[cfg(feature = "fetch")]
pub use support::is_fetch_supported;
pub use support::is_supported;
