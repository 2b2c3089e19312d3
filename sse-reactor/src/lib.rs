//! Serves the subscribers of a hub with a few hundred bytes of memory each.
//!
//! With hyper alone, an idle stream takes about 11 KB: the buffers of its connection, its task, and its registration
//! with tokio. This crate lets hyper read and check the request, and write the head of the response. Then it hands the
//! connection to an event loop, which writes the events of [`sse-hub`](https://docs.rs/sse-hub) to all of its sockets.
//!
//! ```no_run
//! use axum::{Router, extract::{Request, State}, response::{IntoResponse, Result}, routing::get};
//! use sse_hub::{CloseEvent, Hub, TopicFilters};
//! use sse_hyper::StreamTracker;
//! use sse_reactor::Reactor;
//!
//! type App = (Hub, Reactor);
//!
//! async fn events(State((hub, reactor)): State<App>, request: Request) -> Result<impl IntoResponse> {
//!     let seen = sse_hyper::last_event_id(request.headers()).unwrap_or_default();
//!     let filters = TopicFilters::from_patterns(["news", "orders/*"])?;
//!     Ok(reactor.respond(&request, hub.subscribe(filters, seen.as_ref())?))
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let (hub, tracker) = (Hub::default(), StreamTracker::default());
//!     let reactor = Reactor::new(tracker.clone())?;
//!     let router = Router::new().route("/events", get(events)).with_state((hub, reactor.clone()));
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     sse_reactor::serve(listener, router, &reactor)
//!         .with_graceful_shutdown(tracker.close_on(tokio::signal::ctrl_c(), CloseEvent::default()))
//!         .await
//! }
//! ```
//!
//! A stream has the same events, keep-alive, reconnection time, maximum age and close event as with sse-hyper, and
//! counts as an open stream of the same [`StreamTracker`](sse_hyper::StreamTracker).
//!
//! # Which connections are handed over
//!
//! Those of HTTP/1.1 without TLS, when [`Reactor::respond`] has created the response. Everything else stays with hyper:
//! see [`serve_connection`]. After the end of a stream, hyper serves the next request of the connection.
//!
//! # Slow clients
//!
//! The event loop takes an event from the hub when the socket can take it. So the events of a slow client stay in the
//! log of the hub, and its [`LagPolicy`](sse_hub::LagPolicy) decides. The part of a frame that the socket has not
//! taken shares the memory of other subscribers. A client that takes nothing for 60 s loses its connection
//! ([`Reactor::with_write_timeout`]).
//!
//! # Types
//!
//! | item | role |
//! |---|---|
//! | [`Reactor`] | event loop; creates responses |
//! | [`serve`] | serves a tower service, such as a router of axum |
//! | [`serve_connection`] | serves one connection, for servers that accept connections themselves |
//! | [`ConnectionHandler`] | such a server |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod chunk;
mod connection;
mod connection_handler;
mod event_loop;
mod group;
mod hand_off;
mod open_stream;
mod reactor;
mod serve;
mod signals;
mod stream_slab;
mod timers;

pub use connection::{Connection, HttpService, IntoSocket, RequestBody, serve_connection};
pub use connection_handler::ConnectionHandler;
pub use hand_off::HubEvents;
pub use reactor::Reactor;
pub use serve::{Serve, serve};
