//! Client for [server-sent events][spec] that reconnects and resumes after the last event: a native
//! `EventSource`.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use sse_source::{EventSource, Item};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut source = EventSource::get("http://127.0.0.1:8080/events").build()?;
//! while let Some(item) = source.next().await {
//!     match item? {
//!         Item::Event(event) => println!("{}: {}", event.event_type, event.data),
//!         Item::Disconnected(disconnected) => eprintln!("{disconnected}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # One request
//!
//! [`Builder::send`] sends a request once and returns the events of its response. It does not reconnect.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use http::Method;
//! use sse_source::{EventSource, Item};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut events = EventSource::request(Method::POST, "http://127.0.0.1:8080/v1/chat")
//!     .header("content-type", "application/json")
//!     .body(r#"{"stream": true, "prompt": "Hello"}"#)
//!     .send()
//!     .await?;
//! while let Some(item) = events.next().await {
//!     match item? {
//!         Item::Event(event) if event.data == "[DONE]" => break,
//!         Item::Event(event) => println!("{}", event.data),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Types
//!
//! - [`EventSource::get`] and [`EventSource::request`] return a [`Builder`]: the request and its options.
//! - [`ClientConfig`]: delays, timeouts and size limits.
//! - [`EventSource`]: a stream of [`Item`]s over any number of connections, from [`Builder::open`].
//! - [`Handle`]: closes an event source, or makes it reconnect.
//! - [`Events`]: the [`Item`]s of one response, from [`Builder::send`].
//! - [`Error`]: the last item, which says why no other attempt follows.
//! - [`Transport`] and [`TransportBuilder`]: send the requests with hyper's client, reqwest's client or any tower
//!   service. [`Proxy`] names the proxies of hyper's client.

mod adapters;
mod builder;
#[cfg(feature = "compression")]
mod compression;
mod error;
mod events;
mod item;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest_ext;
mod response;
mod source;
#[cfg(feature = "testing")]
pub mod testing;
mod timer;
mod transport;
mod turn;

pub use adapters::EventsOnly;
#[cfg(feature = "json")]
pub use adapters::{InvalidJson, JsonEvents};
pub use builder::{Builder, FailedAttempt};
pub use error::{Error, UnexpectedResponse};
pub use events::Events;
pub use item::{Disconnected, Item, MessageEvent, ResponseHead};
#[cfg(feature = "reqwest")]
pub use reqwest_ext::RequestBuilderExt;
pub use source::{EventSource, Handle};
pub use sse_proto::{
    DecodeError, EventId,
    client::{ClientConfig, DisconnectReason},
};
#[cfg(feature = "rustls")]
pub use transport::TlsError;
pub use transport::{BoxError, Proxy, ProxyError, Transport, TransportBuilder};
