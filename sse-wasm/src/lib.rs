//! Receives server-sent events (SSE) in the browser, in Rust that is compiled to wasm.
//!
//! - It wraps the browser's own [`EventSource`][dom] as one ordered stream of items, or as callbacks.
//! - It can reconnect after the browser has given up, and continues after the last event.
//! - With the feature `fetch`, it has a client over `fetch` with headers, methods and bodies, which `EventSource` does
//!   not support. This client reports why a server refused.
//!
//! [dom]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use sse_wasm::{Builder, Item};
//!
//! # async fn example() -> Result<(), sse_wasm::Error> {
//! let builder = Builder::new("/events").reconnect_with_query("lastEventId");
//! let mut items = builder.event_types(["stocks", "news"]).open()?;
//! while let Some(item) = items.next().await {
//!     match item {
//!         Item::Open => { /* show that the page is live */ }
//!         Item::Event(event) => { /* event.event_type, event.data, event.last_event_id */ }
//!         Item::Disconnected(disconnected) => { /* disconnected.delay, if it is known */ }
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Reconnection
//!
//! Both clients reconnect at once when the network is back, when the page is restored, and after the machine was
//! asleep. `EventSource` does so only with [`Builder::reconnect_with_query`]: the server must read the last event ID
//! from this query parameter too, because a new `EventSource` cannot send the `Last-Event-ID` header.
//!
//! The connection closes when its last handle, subscription or stream is dropped, or by [`EventSource::close`]. Dropping
//! one of them does not affect the others. Everything works in windows and in all kinds of workers.
//!
//! # Features
//!
//! No feature is on by default.
//!
//! - `fetch`: [`Builder::fetch`], a client over `fetch`. It sends a `POST` once, unless
//!   [`Builder::resend`] is set.
//! - `share`: [`Builder::share`], one connection for all tabs of an origin.
//! - `json`: `MessageEvent::json`, which deserializes the data of events, and `MessageEvent::to_enum`. It adds about 19 KB to a page. Without it,
//!   [`Json`] reads the data with the browser's `JSON.parse`.
//!
//! # Types
//!
//! ```text
//!   is_supported()              feature check
//!         │
//!      Builder                  options
//!      │  │  └────── open ───── uses EventSource, or fetch if an option needs it
//!   native fetch
//!      │     └──────────────┐
//!      ▼                    │
//!  EventSource         FetchSource        a connection: a handle that is cheap to clone,
//!      │   ╲                │             or a stream that reads only while it is polled
//!  on_event items           │
//!      │      ╲             │
//! Subscription ItemStream ◀─┘             a callback, or one ordered stream of items
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

// `Session` of `sse_proto::client` drives `fetch/mod.rs` and `native/reconnect.rs`. CONTRIBUTING has a map of the files.

mod browser;
mod builder;
mod clock;
mod error;
#[cfg(feature = "fetch")]
mod fetch;
mod item;
mod json;
mod native;
#[cfg(feature = "share")]
mod share;
mod stream;
mod wake;

#[cfg(feature = "fetch")]
pub use browser::is_fetch_supported;
pub use browser::is_supported;
pub use builder::Builder;
pub use error::Error;
#[cfg(feature = "fetch")]
pub use fetch::{FetchSource, Handle, Request};
pub use item::{Closed, Disconnected, Event, Item};
pub use json::Json;
pub use native::{EventSource, ReadyState, Subscription};
#[cfg(feature = "share")]
pub use share::SharedSource;
#[cfg(feature = "json")]
pub use sse_proto::EnumError;
pub use sse_proto::{
    EventId, IdTooLong, MessageEvent,
    client::{ClientConfig, DisconnectReason},
};
pub use stream::{DEFAULT_QUEUE_LIMIT, ItemStream};

#[cfg(test)]
mod tests {
    use super::{Closed, Disconnected, Error, Event, Item, ItemStream};

    /// `StreamExt::next` needs `Unpin`.
    #[test]
    fn streams_are_unpin() {
        fn check<T: Unpin>() {}
        check::<ItemStream>();
        #[cfg(feature = "fetch")]
        check::<super::FetchSource>();
        #[cfg(feature = "share")]
        check::<super::SharedSource>();
    }

    #[test]
    fn items_and_errors_are_send_and_sync() {
        fn check<T: Send + Sync>() {}
        check::<Item>();
        check::<Event>();
        check::<Disconnected>();
        check::<Closed>();
        check::<Error>();
    }
}
