//! Server-sent events as the response of axum, [hyper](https://docs.rs/hyper/1), and every other server that takes
//! an [`http_body::Body`].
//!
//! A handler of axum, with the feature `axum`:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # mod example {
//! use axum::{Router, response::IntoResponse, routing::get};
//! use futures_util::stream;
//! use sse_hyper::{Event, EventStreamRequest};
//!
//! async fn count(sse: EventStreamRequest) -> impl IntoResponse {
//!     let next = sse.last_event_id().map_or(1, |seen: u64| seen.saturating_add(1));
//!     let events = (next..=u64::MAX).map(|n| Event::new(n.to_string()).with_id(n));
//!     sse.respond(stream::iter(events))
//! }
//!
//! # fn router() -> Router {
//! let router = Router::new().route("/count", get(count));
//! # router
//! # }
//! # }
//! ```
//!
//! The response has the headers that an event stream needs. It sends a comment at once, and another one whenever it
//! is idle for 15 s. It ends when its client is gone.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `tokio` (default) | defaults that use tokio's timer: [`respond`], [`StreamTracker::default`] |
//! | `axum` | extractors for handlers: [`EventStreamRequest`], [`LastEventId`]; turns on `tokio` and `tracing` |
//! | `tracing` | logs the error that ends a stream of results |
//! | `gzip` | compresses streams for clients that accept it: `StreamConfig::gzip` |
//! | `json` | `Event::json`, and `Event::from_enum` for the variants of an enum |
//! | `openapi` | [`openapi`], which describes event streams in OpenAPI 3.2 for `utoipa` |
//! | `testing` | [`testing::EventReader`], which reads the events of a response in a unit test |
//!
//! # Types
//!
//! | item | role |
//! |---|---|
//! | [`Event`], [`EventType`], [`EventId`] | event that is sent; a type or an ID cannot forge a field |
//! | [`EventStreamRequest`] | request for events: has the last event ID, and responds |
//! | [`StreamTracker`] | configures, counts and closes the streams of a server |
//! | [`StreamConfig`], [`KeepAlive`] | configuration of a tracker |
//! | [`CloseEvent`] | last event of a stream that the server ends |
//! | [`respond`], [`no_content`] | responses without a tracker |
//! | [`EventBody`] | body of the response: sends the events as they come |
//! | [`EventStream`], [`IntoFrame`], [`StreamError`] | streams, items and errors that a body takes |
//! | [`AsEvent`] | trait for items of your own |
//! | [`Encoded`] | events that are encoded once for many clients |
//! | [`last_event_id`], [`last_event_id_in_query`], [`parse_event_id`] | last event ID of any request |
//!
//! # Graceful shutdown
//!
//! A graceful shutdown waits until all connections end, and an open event stream may never end. A [`StreamTracker`]
//! closes the streams, and [`StreamTracker::close_on`] does so when the shutdown begins:
//!
//! ```no_run
//! # #[cfg(feature = "axum")]
//! # mod example {
//! use axum::{Extension, Router, response::IntoResponse, routing::get};
//! use futures_util::stream;
//! use sse_hyper::{CloseEvent, Event, EventStreamRequest, StreamTracker};
//! use std::time::Duration;
//!
//! async fn events(sse: EventStreamRequest) -> impl IntoResponse {
//!     sse.respond(stream::pending::<Event>())
//! }
//!
//! # #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let tracker = StreamTracker::default();
//!     let router = Router::new().route("/events", get(events)).layer(Extension(tracker.clone()));
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     let close_event = CloseEvent::new(Event::new("back soon"))
//!         .with_retry(Duration::from_secs(1)..=Duration::from_secs(10));
//!     axum::serve(listener, router)
//!         .with_graceful_shutdown(tracker.close_on(tokio::signal::ctrl_c(), close_event))
//!         .await
//! }
//! # }
//! ```
//!
//! The random reconnection times spread the clients. [`StreamTracker::run_server`] adds a timeout for clients that
//! have stopped reading.
//!
//! # Server on hyper
//!
//! ```no_run
//! use std::{convert::Infallible, net::Ipv4Addr, time::Duration};
//!
//! use futures_util::stream;
//! use hyper_util::{rt::{TokioExecutor, TokioIo}, server::conn::auto};
//! use sse_hyper::{Event, StreamTracker};
//!
//! # #[cfg(feature = "tokio")]
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let tracker = StreamTracker::default();
//! let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 8080)).await?;
//! loop {
//!     let (connection, _) = listener.accept().await?;
//!     let tracker = tracker.clone();
//!     let service = hyper::service::service_fn(move |request| {
//!         let seconds = stream::unfold(1, |n| async move {
//!             tokio::time::sleep(Duration::from_secs(1)).await;
//!             Some((Event::new(format!("second {n}")).with_id(n), n + 1))
//!         });
//!         let response = tracker.respond(&request, seconds);
//!         async { Ok::<_, Infallible>(response) }
//!     });
//!     tokio::spawn(async move {
//!         auto::Builder::new(TokioExecutor::new())
//!             .serve_connection(TokioIo::new(connection), service)
//!             .await
//!     });
//! }
//! # }
//! # #[cfg(not(feature = "tokio"))]
//! # fn main() {}
//! ```
//!
//! # Tests of handlers
//!
//! With the feature `testing`, a unit test needs no socket:
//!
//! ```
//! # #[cfg(all(feature = "testing", feature = "tokio"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), http::Error> {
//! use futures_util::stream;
//! use http::Request;
//! use sse_hyper::{Event, testing::EventReader};
//!
//! let request = Request::get("/events").body(())?;
//! let response = sse_hyper::respond(&request, stream::iter([Event::new("hello")]));
//! assert_eq!(EventReader::new(response).collect().await, [Event::new("hello")]);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "testing", feature = "tokio")))]
//! # fn main() {}
//! ```
//!
//! [`testing::EventReader`] also shows the test of a router of axum, by `oneshot`.
//!
//! # When events are sent
//!
//! The body sends a first comment at once, together with the headers. So proxies pass the response on, and
//! `EventSource` fires `open`. After that, the body sends all events that are ready together, as soon as the
//! connection can take more. No event waits for a later one.
//!
//! When the client is gone, hyper drops the body, and the body drops the stream. If the stream panics, its
//! connection ends. Even then the client never gets half an event, because the body sends an event only after
//! all of it is encoded.
//!
//! # Many small events
//!
//! hyper writes the parts of a chunk with `writev`, without copying them together. With
//! `http1::Builder::writev(false)`, or `auto::Builder::http1().writev(false)`, it copies them together first.
//! With frames of up to a few KB, this takes 6 to 10 % less processor time, because the kernel handles one piece
//! faster. It also takes 300 B less memory for each connection.
//!
//! The cost is one more copy of large events. For a client that does not read, hyper then copies up to
//! `max_buf_size`, which is 400 KB by default. Set it to 32 KB.
//!
//! # Proxies
//!
//! These settings of reverse proxies are tested:
//!
//! | proxy | setting | without it |
//! |---|---|---|
//! | nginx, Squid | none | |
//! | `HAProxy` | `option http-no-delay` | waits up to 200 ms before it sends |
//! | | `option abortonclose` | detects late that a client has left |
//! | Varnish | `return (pipe)` in `vcl_recv` | detects it late; ends each stream after 10 minutes |
//! | Apache | a larger `MaxRequestWorkers` | has at most 150 streams; detects it late in any case |
//! | h2o | HTTP/2 with its clients | detects it late |
//! | Traffic Server | `allow_half_open` 0 | detects it late |
//! | | `transaction_active_timeout_in` 0 | ends each stream after 15 minutes |
//!
//! Late means with the first, second or third comment of the keep-alive. Until then, the stream stays open. The page
//! `guide/proxies.md` of the repository has the configurations and the measured times, and shows what each proxy does
//! if it compresses.
//!
//! # Compression and CORS
//!
//! tower-http's `CompressionLayer` does not compress event streams by default. A predicate of your own can
//! change that. Then the layer still sends each event as it comes; gzip, br and zstd are tested here. For
//! similar JSON events of 70 bytes:
//!
//! | coding | bytes for each event | memory for each connection |
//! |---|---:|---:|
//! | gzip | 24 | 200 KB |
//! | zstd | 14 | 740 KB |
//! | br | 12 | 120 KB |
//!
//! Do not compress secrets together with data that an attacker can choose (BREACH).
//!
//! Pages of other origins need CORS headers: use tower-http's `CorsLayer` or warp's `cors`. A native
//! `EventSource` needs only `Access-Control-Allow-Origin`. A fetch that sends `Last-Event-ID`, or another
//! header of its own, also needs that header in `Access-Control-Allow-Headers`.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
mod axum;
mod body;
mod coding;
mod config;
mod event_frames;
mod frame;
mod idle_timer;
mod last_event_id;
#[cfg(feature = "openapi")]
pub mod openapi;
mod request;
mod response;
mod stream_state;
#[cfg(feature = "testing")]
pub mod testing;
mod tracker;
mod turn;

#[cfg(feature = "axum")]
pub use axum::LastEventId;
pub use body::{EventBody, EventStream};
pub use config::{KeepAlive, StreamConfig};
pub use event_frames::EventFrames;
pub use frame::{AsEvent, IntoFrame, StreamError};
pub use last_event_id::{
    InvalidLastEventId, last_event_id, last_event_id_in_query, parse_event_id,
};
pub use request::EventStreamRequest;
pub use response::no_content;
#[cfg(feature = "tokio")]
pub use response::respond;
#[cfg(feature = "json")]
pub use sse_proto::EnumError;
pub use sse_proto::{CloseEvent, Encoded, Event, EventId, EventType, InvalidValue};
pub use tracker::StreamTracker;
