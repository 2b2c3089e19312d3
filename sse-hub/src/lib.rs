//! Publish/subscribe hub for server-sent events: sends each event to very many subscribers, with replay.
//!
//! A [`Hub`] keeps its events in the memory of one process, or shares them with other machines through a
//! [`Backend`].
//!
//! ```
//! use axum::{Router, body::Body, extract::{Request, State}, response::Response, routing::get};
//! use sse_hub::{Hub, Selection, Topic};
//! use sse_hyper::{Event, Streams};
//!
//! async fn events(State((hub, streams)): State<(Hub, Streams)>, request: Request) -> Response {
//!     let last_event_id = sse_hyper::last_event_id(request.headers()).ok().flatten();
//!     match hub.subscribe(Selection::all(), last_event_id.as_ref()) {
//!         Ok(subscription) => streams.respond(&request, subscription).map(Body::new),
//!         Err(error) => Response::builder().status(503).body(Body::from(error.to_string())).unwrap(),
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let (hub, streams) = (Hub::default(), Streams::default());
//! let router: Router = Router::new()
//!     .route("/events", get(events))
//!     .with_state((hub.clone(), streams.clone()));
//!
//! let id = hub.publish(Topic::new("news")?, Event::new("it works")).await?;
//! # drop((router, id));
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Guarantees
//!
//! - **Each event once, in order**, to each subscriber that is fast enough, over any number of reconnections.
//!   If the log does not reach back far enough, or if the subscriber is too slow, the hub sends it a `reset` or
//!   `lagged` event.
//! - **Bounded memory**: [`Retention`] limits the log. A selection whose subscribers do not read holds at most
//!   64 KiB of events that have left the log, and a frame of 16 KiB. A subscriber holds the one event that is
//!   being sent to it.
//! - **Short turns**: no call and no poll does an unbounded amount of work. The exception is [`Hub::publish`],
//!   which wakes all subscribers that receive the event.
//! - **Slow subscribers** do not delay the others. [`Slow`] sets what happens to them.
//!
//! # Types
//!
//! - Publish: [`Hub::publish`] takes [`Topics`] and an event. [`Hub::post`] takes a [`Post`], which can have a key.
//! - Subscribe: [`Hub::subscribe`] and [`Hub::subscriber`] take a [`Selection`] of topics and patterns. An
//!   [`Authority`] decides if the client may subscribe.
//! - Serve: a [`Subscription`] is a stream of encoded events. Pass it to [`sse_hyper::Streams::respond`] or
//!   [`sse_hyper::EventBody`], which hyper, axum and warp serve. sse-hyper sets the headers, sends keep-alives and
//!   shuts down gracefully.
//! - Configure: [`Settings`], [`Retention`], [`Ids`] and [`Slow`].
//! - Observe: [`Counts`], and metrics of the crate `metrics`.

// Map of the source files:
//
//   publish(topics, event)                          subscribe(selection, last event ID)
//      │   Post, Topics: what is published             │   Subscriber: builder of a subscription
//      │                 (post.rs, topic.rs)           │               (subscriber.rs, selection.rs)
//      ▼   check of sizes and types (gate.rs)          ▼   Authority: permission (authority.rs)
//     Hub ────────────── encodes the event once        (hub.rs, shared.rs, ids.rs, counts.rs)
//      │    Index        channels that receive it      (index.rs, digest.rs)
//      ├──▶ Channel      its subscribers, and their unread events  (channel.rs) ◀──┐
//      └──▶ Log          events for a replay  (log.rs, per_topic.rs, lost.rs) ◀────┤
//           Backend      other machines  (backend.rs) ◀── Recovery (recovery.rs) ──┤
//                                                                               Reader  (reader.rs)
//      Turn: limits the work of one poll (turn.rs)     a cursor, without a queue   │
//                                                                             Subscription
//                                          a stream of encoded events      (subscription.rs)

mod authority;
mod backend;
mod channel;
mod counts;
mod digest;
mod gate;
mod hub;
mod ids;
mod index;
mod log;
mod lost;
mod per_topic;
mod post;
mod reader;
mod recovery;
mod selection;
mod settings;
mod shared;
mod subscriber;
mod subscription;
mod topic;
mod turn;

pub use authority::{Authority, Denied, Grant};
pub use backend::{Backend, BackendError, BackendErrorKind, Replayed, Update};
pub use counts::Counts;
pub use hub::{Hub, PublishError};
pub use ids::Ids;
pub use post::{Numbered, Post};
pub use selection::{Pattern, Selection, Selector};
pub use settings::{Retention, Settings, Slow};
pub use subscriber::{SubscribeError, Subscriber};
pub use subscription::{Events, Subscription};
pub use topic::{InvalidTopic, Topic, Topics};
