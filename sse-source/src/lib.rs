//! The native `EventSource`: a client of [server-sent events][spec] that reconnects and never loses its
//! place.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! # Map
//!
//! ```text
//!   EventSource::get(uri) ── Builder            what is asked for, and how      (builder.rs, uri.rs,
//!                               │                                    template.rs, credentials.rs,
//!                               │                                    options.rs, retry.rs)
//!            open ──────────────┴── send
//!             │                      │
//!         EventSource              Events       a stream: for ever, or once     (source.rs, events.rs)
//!             │ ╲                    │
//!             │  Handle              │          close, reconnect                (handle.rs)
//!             ▼                      ▼
//!           Item                 Item, Error    what it says                    (item.rs, error.rs)
//!             │
//!    sse_proto::connection                      when to connect, wait, give up  (alarm.rs)
//!             │
//!          Attempt                              a request, its response or the reason that there
//!             │                                 is none            (attempt.rs, head.rs, refusal.rs,
//!             │                                                     source/decision.rs)
//!         Transport                             hyper, reqwest, or any service  (transport.rs,
//!             │                                                                  transport_builder.rs)
//!       HyperService ── Route                   a request by hyper's client     (hyper_service.rs, route.rs)
//!          ╱     ╲
//!   compression  Client                         hyper's, for streams            (compression.rs, client.rs)
//!                  │
//!          Connector, Metered                   where to, and how much          (connect.rs, metered.rs)
//!                  │
//!        Proxy, TlsOptions                      by which way                    (proxy.rs, proxy_connector.rs,
//!                                                                                tls.rs)
//! ```
//!
//! # A stream that goes on
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use sse_source::{EventSource, Item};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut source = EventSource::get("http://127.0.0.1:8080/events").open()?;
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
//! # A request and its events, once
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use http::Method;
//! use sse_source::{EventSource, Item};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut events = EventSource::request(Method::POST, "http://127.0.0.1:8080/v1/chat")
//!     .with_header("content-type", "application/json")
//!     .with_body(r#"{"stream": true, "prompt": "Hello"}"#)
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
pub use error::{Error, Refused};
pub use events::Events;
pub use handle::Handle;
pub use item::{Disconnected, Item, MessageEvent, Open};
pub use proxy::{Proxy, ProxyError};
pub use retry::FailedAttempt;
pub use source::EventSource;
pub use sse_proto::{
    DecodeError, EventId,
    connection::{Reason, Settings},
};
#[cfg(feature = "rustls")]
pub use tls::TlsError;
pub use transport::{BoxError, Transport};
pub use transport_builder::TransportBuilder;
