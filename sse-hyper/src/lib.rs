//! Server-sent events as the response of [hyper](https://docs.rs/hyper/1), and of every other server that takes
//! an [`http_body::Body`]: axum, tonic's servers, tower services.
//!
//! A handler of axum:
//!
//! ```
//! use axum::{body::Body, extract::Request, response::Response};
//! use futures_util::stream;
//! use sse_hyper::Event;
//!
//! async fn events(request: Request) -> Response {
//!     sse_hyper::response(&request, stream::iter([Event::new("hello")])).map(Body::new)
//! }
//! # let _: axum::Router = axum::Router::new().route("/events", axum::routing::get(events));
//! ```
//!
//! # Types
//!
//! | item | role |
//! |---|---|
//! | [`last_event_id`], [`parse_event_id`] | read the ID after which the client resumes |
//! | [`Event`], [`Encoded`] | items of your stream; [`Encoded`] is encoded once for many clients |
//! | [`until_error`] | turns a stream of results into a stream of events |
//! | [`EventBody`] | body of the response: sends the events as they come |
//! | [`StreamTracker`] | handle on all streams of a server: counts and closes them |
//! | [`StreamConfig`], [`KeepAlive`] | settings that all streams of a server share |
//! | [`CloseEvent`] | last event of each stream when the server closes it |
//! | [`response`], [`respond`], [`no_content`] | status and headers, or a refusal |
//!
//! With the feature `tokio`, which is on by default, [`response`] builds the response in one call.
//! [`StreamTracker::default`] takes a second call and gives a handle. The feature `axum` lets handlers return an
//! [`EventBody`] and extract the last event ID.
//!
//! # Server on hyper
//!
//! ```no_run
//! use std::{convert::Infallible, net::Ipv4Addr, time::Duration};
//!
//! use futures_util::stream;
//! use hyper_util::{rt::{TokioExecutor, TokioIo}, server::conn::auto};
//! use sse_hyper::{Event, EventId};
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 8080)).await?;
//! loop {
//!     let (connection, _) = listener.accept().await?;
//!     let service = hyper::service::service_fn(|request| async move {
//!         let seconds = stream::unfold(1, |n| async move {
//!             tokio::time::sleep(Duration::from_secs(1)).await;
//!             Some((Event::new(format!("second {n}")).with_id(EventId::from(n)), n + 1))
//!         });
//!         Ok::<_, Infallible>(sse_hyper::response(&request, seconds))
//!     });
//!     tokio::spawn(async move {
//!         auto::Builder::new(TokioExecutor::new())
//!             .serve_connection(TokioIo::new(connection), service)
//!             .await
//!     });
//! }
//! # }
//! ```
//!
//! # Closing
//!
//! A graceful shutdown waits until all connections end, and an open event stream may never end. So close the
//! streams first:
//!
//! ```no_run
//! use axum::{Router, extract::{Request, State}, response::IntoResponse, routing::get};
//! use futures_util::stream;
//! use sse_hyper::{Event, CloseEvent, StreamTracker};
//! use std::time::Duration;
//!
//! async fn events(State(streams): State<StreamTracker>, request: Request) -> impl IntoResponse {
//!     streams.respond(&request, stream::pending::<Event>()).map(axum::body::Body::new)
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let streams = StreamTracker::default();
//! let router = Router::new().route("/events", get(events)).with_state(streams.clone());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, router)
//!     .with_graceful_shutdown(async move {
//!         let _ = tokio::signal::ctrl_c().await;
//!         let spread = Duration::from_secs(1)..=Duration::from_secs(10);
//!         streams.close(CloseEvent::new(Event::new("back soon")).with_retry(spread));
//!     })
//!     .await
//! # }
//! ```
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
//! nginx passes each event on as it comes, also with `gzip on`. `HAProxy` needs two options, in `defaults` or
//! `listen`. Without `option http-no-delay` it waits up to 200 ms before it sends. Without
//! `option abortonclose` it keeps the stream open after the client is gone.
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

// Map of the files:
//
//   request ── last_event_id(headers)     ID after which the client resumes   (last_event_id.rs)
//      │
//      │   Stream of Events, the caller's    (one that may fail: until_error.rs)
//      │        │   IntoFrame              trait of the items, also of Encoded (outgoing.rs, encoded.rs)
//      │     EventBody                    frames of the response              (body.rs, turn.rs)
//      │        │   Clock                 timer of an idle stream             (clock.rs)
//      │        │
//      │     StreamTracker                      handle: count, close                (streams.rs, member.rs)
//      │        ├─ StreamConfig, KeepAlive    settings of all streams             (config.rs, keep_alive.rs)
//      │        └─ CloseEvent               last event of each stream           (close_event.rs, own_type.rs)
//      ▼        ▼
//    respond(request, body)               status and headers, or a refusal    (headers.rs, accept.rs)

mod accept;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod clock;
mod close_event;
mod config;
mod encoded;
mod headers;
mod keep_alive;
mod last_event_id;
mod member;
mod outgoing;
mod own_type;
mod streams;
mod turn;
mod until_error;

#[cfg(feature = "axum")]
pub use axum::LastEventId;
pub use body::{EventBody, EventStream};
pub use close_event::CloseEvent;
pub use config::StreamConfig;
pub use encoded::Encoded;
pub use headers::{no_content, respond};
pub use keep_alive::KeepAlive;
pub use last_event_id::{
    InvalidLastEventId, last_event_id, last_event_id_in_query, parse_event_id,
};
pub use outgoing::IntoFrame;
pub use sse_proto::{Event, EventId, EventType, InvalidValue};
pub use streams::StreamTracker;
#[cfg(feature = "tokio")]
pub use streams::response;
pub use until_error::{UntilError, until_error};
