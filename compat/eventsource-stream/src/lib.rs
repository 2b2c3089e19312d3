//! Replacement for [eventsource-stream] 0.2, which has no maintainer, on the decoder of sse-proto.
//!
//! It has the same public items, so programs use it by `[patch.crates-io]`, without a change. `compat/README.md` lists
//! what it does differently.
//!
//! ```
//! use eventsource_stream::Eventsource;
//! use futures_util::{StreamExt, stream};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let body = stream::iter([Ok::<_, std::io::Error>("data: a\n"), Ok("\n")]);
//! let mut events = body.eventsource();
//! assert_eq!(events.next().await.unwrap().unwrap().data, "a");
//! # }).unwrap();
//! ```
//!
//! [eventsource-stream]: https://crates.io/crates/eventsource-stream

#![no_std]

extern crate alloc;

mod error;
mod event_stream;

use alloc::string::String;
use core::time::Duration;

use futures_core::Stream;

pub use error::EventStreamError;
pub use event_stream::EventStream;

/// Event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Type, `message` if the stream has none.
    pub event: String,
    /// Data.
    pub data: String,
    /// Last event ID at this event, or an empty string.
    pub id: String,
    /// Reconnection time that came since the previous event.
    pub retry: Option<Duration>,
}

/// Conversion of a stream of bytes to a stream of events.
pub trait Eventsource: Sized {
    /// Returns a stream of the events in these bytes.
    fn eventsource(self) -> EventStream<Self>;
}

impl<S, B, E> Eventsource for S
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    fn eventsource(self) -> EventStream<Self> {
        EventStream::new(self)
    }
}
