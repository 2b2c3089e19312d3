//! Client for [server-sent events][spec] in native programs: it reconnects, and resumes after the last event.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! ```no_run
//! use futures_util::TryStreamExt;
//! use sse_source::EventSource;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), sse_source::Error> {
//! let mut events = EventSource::get("https://api.example/events")
//!     .bearer_auth("secret")
//!     .build()?
//!     .events_only();
//! while let Some(event) = events.try_next().await? {
//!     println!("{}: {}", event.event_type, event.data);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Without [`events_only`](EventSource::events_only), the stream also has connections, disconnections with their reason
//! and delay, and comments: see [`Item`]. An error is the last item, and says why no other attempt follows.
//!
//! # One response
//!
//! [`Builder::send`] sends a request once, for example to an LLM API, and returns the events of its response. The error
//! has the status and the body of a response that is not a stream. To cancel, drop the future or the stream.
//!
//! ```no_run
//! # #[cfg(feature = "json")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::TryStreamExt;
//! use http::Method;
//! use serde_json::{Value, json};
//! use sse_source::EventSource;
//!
//! let mut events = EventSource::request(Method::POST, "https://llm.example/v1/chat/completions")
//!     .bearer_auth("secret")
//!     .json(&json!({ "stream": true, "messages": [{ "role": "user", "content": "Hello" }] }))
//!     .max_retries(2) // before the first event
//!     .send()
//!     .await?
//!     .events_only();
//! while let Some(event) = events.try_next().await? {
//!     if event.data == "[DONE]" {
//!         break;
//!     }
//!     let chunk: Value = event.json()?;
//!     print!("{}", chunk["choices"][0]["delta"]["content"].as_str().unwrap_or(""));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A response that another HTTP client has received becomes events with [`Events::from_response`], or with
//! `Events::from_reqwest`.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `rustls` (default) | `https`, with rustls, ring and the root certificates of the system, and HTTP/2 over `https` |
//! | `json` | data in JSON: `Builder::json`, `EventSource::json`, `Events::json`, `MessageEvent::json`; events as variants of an enum: `MessageEvent::to_enum` |
//! | `compression` | responses that are compressed with gzip, br or zstd |
//! | `reqwest` | `client.post(url).events().await?`, `Events::from_reqwest`, `Transport::from_reqwest` |
//! | `testing` | a scripted server without a network, for tests of your program |
//!
//! Without default features and with [`Transport::from_service`], any tower service brings its own TLS.
//!
//! # Types
//!
//! | to | use |
//! |---|---|
//! | make a request | [`EventSource::get`] and [`EventSource::request`], which return a [`Builder`] |
//! | receive over any number of connections | [`EventSource`], from [`Builder::build`]: a stream of [`Item`]s |
//! | receive one response | [`Events`], from [`Builder::send`] or [`Events::from_response`] |
//! | receive only events, or only their data | [`EventsOnly`], `JsonEvents` |
//! | close or reconnect | [`EventSource::close`], [`EventSource::reconnect`]; [`Handle`] from another task |
//! | set delays, timeouts and size limits | [`ClientConfig`] |
//! | decide which failures are retried | [`Builder::retry_policy`], with a [`FailedAttempt`] |
//! | find out why it failed | [`Error`], [`Disconnected`], [`UnexpectedResponse`] |
//! | set a proxy, certificates, and filters for addresses | [`Transport::builder`], [`Proxy`] |
//! | bring an HTTP client | [`Transport::from_service`], `Transport::from_reqwest` |
//!
//! The crate runs on tokio. For browsers, use [sse-wasm](https://docs.rs/sse-wasm).
#![cfg_attr(docsrs, feature(doc_cfg))]

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
#[cfg(feature = "json")]
pub use sse_proto::EnumError;
pub use sse_proto::{
    DecodeError, EventId,
    client::{ClientConfig, DisconnectReason},
};
#[cfg(feature = "rustls")]
pub use transport::TlsError;
pub use transport::{BoxError, Proxy, ProxyError, Transport, TransportBuilder};
