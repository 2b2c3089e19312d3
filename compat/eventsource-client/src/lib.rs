//! Replacement for [eventsource-client] 0.18, on the client session of sse-proto.
//!
//! It has the same public items, so programs use it by `[patch.crates-io]`, without a change. `compat/README.md` lists
//! what it does differently.
//!
//! ```
//! use eventsource_client::{Client, ClientBuilder, Result, SSE};
//! use futures_util::TryStreamExt;
//! use launchdarkly_sdk_transport::HttpTransport;
//!
//! async fn print_events(url: &str, transport: impl HttpTransport) -> Result<()> {
//!     let client = ClientBuilder::for_url(url)?.build_with_transport(transport);
//!     let mut stream = client.stream();
//!     while let Some(item) = stream.try_next().await? {
//!         match item {
//!             SSE::Connected(_) => println!("connected"),
//!             SSE::Event(event) => println!("{}: {}", event.event_type, event.data),
//!             SSE::Comment(_) => {}
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [eventsource-client]: https://crates.io/crates/eventsource-client

mod client;
mod config;
mod error;
mod item;
mod redirect;
mod request;
mod response;
mod stream;

pub use client::{BoxStream, Client, ClientBuilder};
pub use config::{ReconnectOptions, ReconnectOptionsBuilder};
pub use error::{Error, HeaderError, Result};
pub use item::{Event, SSE};
pub use redirect::DEFAULT_REDIRECT_LIMIT;
pub use response::Response;
pub use stream::ReconnectingRequest;
