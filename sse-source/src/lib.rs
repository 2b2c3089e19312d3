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

// Files, from the API down to the connection:
//
//   EventSource::get(uri) ── Builder            request and options             (builder.rs, uri.rs,
//                               │                                    template.rs, credentials.rs,
//                               │                                    options.rs, retry.rs)
//            open ──────────────┴── send
//             │                      │
//         EventSource              Events       stream that reconnects, or      (source.rs, events.rs)
//             │ ╲                    │           events of one response
//             │  Handle              │          close, reconnect                (handle.rs)
//             ▼                      ▼
//           Item                 Item, Error    items for the caller            (item.rs, error.rs)
//             │
//    sse_proto::client                      when to connect, wait, give up  (alarm.rs)
//             │
//          Attempt                              request and its response, or    (attempt.rs, head.rs,
//             │                                 the reason of its failure        refusal.rs,
//             │                                                                  source/decision.rs)
//         Transport                             hyper, reqwest, or any service  (transport.rs,
//             │                                                                  transport_builder.rs)
//       HyperService ── Route                   request with hyper's client     (hyper_service.rs, route.rs)
//          ╱     ╲
//   compression  Client                         hyper's client, configured      (compression.rs, client.rs)
//                  │                             for event streams
//          Connector, Metered                   address filter, byte limits     (connect.rs, metered.rs)
//                  │
//        Proxy, TlsOptions                      proxies and TLS                 (proxy.rs, proxy_connector.rs,
//                                                                                tls.rs)

mod alarm;
mod attempt;
mod builder;
mod causes;
mod client;
#[cfg(feature = "compression")]
mod compression;
mod connect;
mod credentials;
mod error;
mod events;
mod handle;
mod head;
mod hyper_service;
mod item;
mod metered;
mod options;
mod proxy;
mod proxy_connector;
mod refusal;
mod response_uri;
mod retry;
mod route;
mod source;
mod template;
#[cfg(feature = "rustls")]
mod tls;
mod transport;
mod transport_builder;
mod turn;
mod uri;

pub use builder::Builder;
pub use error::{Error, UnexpectedResponse};
pub use events::Events;
pub use handle::Handle;
pub use item::{Disconnected, Item, MessageEvent, ResponseHead};
pub use proxy::{Proxy, ProxyError};
pub use retry::FailedAttempt;
pub use source::EventSource;
pub use sse_proto::{
    DecodeError, EventId,
    client::{ClientConfig, DisconnectReason},
};
#[cfg(feature = "rustls")]
pub use tls::TlsError;
pub use transport::{BoxError, Transport};
pub use transport_builder::TransportBuilder;
