//! Server-sent events from [hyper](https://docs.rs/hyper/1), and from whatever else takes an
//! [`http_body::Body`]: axum, tonic's servers, tower services.
//!
//! # Map
//!
//! ```text
//!   request ── last_event_id(headers)     where this client wants to go on   (last_event_id.rs)
//!      │
//!      │   a Stream of Events, yours         (one that may fail: until_error.rs)
//!      │        │   Outgoing                  or of Encoded ones              (outgoing.rs, encoded.rs)
//!      │     EventBody                    frames, as the events come          (body.rs)
//!      │        │   Clock                 what is due when nothing comes      (clock.rs)
//!      │        │
//!      │     Streams                      the handle: count, close            (streams.rs, member.rs)
//!      │        ├─ Settings, KeepAlive    what all have in common             (settings.rs, keep_alive.rs)
//!      │        └─ Farewell               what they say at the end            (farewell.rs, own_type.rs)
//!      ▼        ▼
//!    respond(request, body)               status and headers, or a refusal    (headers.rs, accept.rs)
//! ```
//!
//! With the feature `tokio`, which is on by default, [`response`] does it all in one call, and
//! [`Streams::default`] in two, with a handle. The feature `axum` adds what its handlers need.
//!
//! # A server on hyper
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
//! # A handler of axum
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
//! # Closing
//!
//! A server that waits for its connections to end waits for ever while event streams are open. So
//! they end first:
//!
//! ```no_run
//! use axum::{Router, extract::{Request, State}, response::IntoResponse, routing::get};
//! use futures_util::stream;
//! use sse_hyper::{Event, Farewell, Streams};
//! use std::time::Duration;
//!
//! async fn events(State(streams): State<Streams>, request: Request) -> impl IntoResponse {
//!     streams.respond(&request, stream::pending::<Event>()).map(axum::body::Body::new)
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let streams = Streams::default();
//! let router = Router::new().route("/events", get(events)).with_state(streams.clone());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, router)
//!     .with_graceful_shutdown(async move {
//!         let _ = tokio::signal::ctrl_c().await;
//!         let spread = Duration::from_secs(1)..=Duration::from_secs(10);
//!         streams.close(Farewell::new(Event::new("back soon")).with_retry(spread));
//!     })
//!     .await
//! # }
//! ```
//!
//! # What the client sees
//!
//! The opening comment goes out with the headers, at once, so that proxies pass the response on and
//! `EventSource` fires `open`. After that, all events that are ready when the connection can take
//! more go out together, and none waits for another. When the client is gone, hyper drops the body
//! and so the stream. A stream that panics takes its connection with it, and never leaves half an
//! event: a frame goes out when it is whole.
//!
//! # Many small events
//!
//! hyper writes the parts of a chunk where they are, by `writev`, unless it is told to copy them together
//! first: `http1::Builder::writev(false)`, or `auto::Builder::http1().writev(false)`. With frames of up to
//! a few KB that is 6 to 10 % less of a core for each, and 300 B less memory for each connection, since
//! the kernel has a shorter way for one piece. It copies large events once more, and a client that does
//! not read has up to `max_buf_size` copied for it, 400 KB if nobody sets it: set it to 32 KB.
//!
//! # Behind a proxy
//!
//! nginx passes each event on as it comes, also with `gzip on`. `HAProxy` waits up to 200 ms before it
//! sends unless it has `option http-no-delay`, and keeps the stream of a client that left unless it has
//! `option abortonclose` (in `defaults` or `listen`).
//!
//! # Compression and CORS
//!
//! tower-http's `CompressionLayer` leaves event streams alone unless a predicate of your own says
//! otherwise; then it sends each event as it comes (gzip, br and zstd are tested here). JSON events
//! of 70 bytes that are much alike take 24 bytes each then by gzip, 14 by zstd and 12 by br; each
//! connection takes the memory of a compressor, 200 KB, 740 KB and 120 KB. Do not compress secrets
//! together with what a stranger can choose (BREACH).
//!
//! Browsers ask other origins for permission (tower-http's `CorsLayer`, warp's `cors`). A native
//! `EventSource` needs nothing but `Access-Control-Allow-Origin`; a fetch that sends `Last-Event-ID`
//! or another header of its own needs it in `Access-Control-Allow-Headers` as well.
mod accept;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod clock;
mod encoded;
mod farewell;
mod headers;
mod keep_alive;
mod last_event_id;
mod member;
mod outgoing;
mod own_type;
mod settings;
mod streams;
mod turn;
mod until_error;

#[cfg(feature = "axum")]
pub use axum::LastEventId;
pub use body::{EventBody, EventStream};
pub use encoded::Encoded;
pub use farewell::Farewell;
pub use headers::{no_content, respond};
pub use keep_alive::KeepAlive;
pub use last_event_id::{
    InvalidLastEventId, last_event_id, last_event_id_in_query, parse_event_id,
};
pub use outgoing::Outgoing;
pub use settings::Settings;
pub use sse_proto::{Event, EventId, EventType, InvalidValue};
pub use streams::Streams;
#[cfg(feature = "tokio")]
pub use streams::response;
pub use until_error::{UntilError, until_error};
