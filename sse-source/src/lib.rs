//! The native `EventSource`: a client of [server-sent events][spec] that reconnects and never loses its
//! place.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! # Map
//!
//! ```text
//!   EventSource::get(uri) ── Builder            what is asked for, and how      (builder.rs,
//!                               │                                                template.rs)
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
//!             │                                 is none            (attempt.rs, head.rs, refusal.rs)
//!         Transport                             hyper, reqwest, or any service  (transport.rs)
//!          ╱     ╲
//!      Route     Client                         hyper's, for streams            (route.rs, client.rs)
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
mod error;
mod events;
mod handle;
mod head;
mod item;
mod refusal;
mod route;
mod source;
mod template;
mod transport;

pub use builder::Builder;
pub use error::{Error, Refused};
pub use events::Events;
pub use handle::Handle;
pub use item::{Disconnected, Item, Open};
pub use source::EventSource;
pub use sse_proto::{
    DecodeError, EventId, MessageEvent,
    connection::{Reason, Settings},
};
pub use transport::{BoxError, Transport};
