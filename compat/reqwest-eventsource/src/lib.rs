//! Replacement for [reqwest-eventsource] 0.6, which has no maintainer, on sse-proto.
//!
//! It has the same public items, so programs use it by `[patch.crates-io]`, without a change. `compat/README.md` lists
//! what it does differently.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use reqwest_eventsource::{Event, EventSource};
//!
//! # async fn run() {
//! let mut source = EventSource::get("http://localhost:8080/events");
//! while let Some(event) = source.next().await {
//!     match event {
//!         Ok(Event::Open) => println!("connected"),
//!         Ok(Event::Message(message)) => println!("{}", message.data),
//!         // The stream is `None` after an error that it does not retry.
//!         Err(error) => eprintln!("{error}"),
//!     }
//! }
//! # }
//! ```
//!
//! [reqwest-eventsource]: https://crates.io/crates/reqwest-eventsource

mod error;
mod event_source;
pub mod retry;

pub use error::{CannotCloneRequestError, Error};
pub use event_source::{Event, EventSource, ReadyState, RequestBuilderExt};
