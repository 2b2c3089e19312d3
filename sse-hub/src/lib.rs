//! One event to very many subscribers, with replay: in the memory of one process, or on many machines.
//!
//! # Map
//!
//! ```text
//!   publish(topics, event)                     subscribe(selection, last event ID)
//!      │   Post, Topics       (post.rs, topic.rs)     │   Subscriber         (subscriber.rs, selection.rs)
//!      ▼   limits, types      (gate.rs)               ▼   Authority: may it?  (authority.rs)
//!     Hub ────────────── encodes it, once        (hub.rs, shared.rs, ids.rs, counts.rs)
//!      │    Index        who hears of it         (index.rs, digest.rs)
//!      ├──▶ Channel      those who do, and what they have not seen yet  (channel.rs) ◀──┐
//!      └──▶ Log          for those who come later    (log.rs, per_topic.rs, lost.rs) ◀─┤
//!           Backend      for other machines      (backend.rs) ◀── Recovery ────────┤  (recovery.rs)
//!                                                                                 Reader   (reader.rs)
//!      Turn: how much is done in a poll (turn.rs)    a cursor into these, no queue  │
//!                                                                                 Subscription
//!                                              a Stream of Encoded events      (subscription.rs)
//! ```
//!
//! A [`Subscription`] is what [`sse_hyper::Streams::respond`] and [`sse_hyper::EventBody`] take, and so
//! what hyper, axum and warp serve; keep-alive, graceful shutdown and the headers are theirs.
//!
//! # What it promises
//!
//! - **Each event once, in order**, to each subscriber that is fast enough, over any number of
//!   reconnections, as long as the log reaches back. Else it says so: `reset`, `lagged`.
//! - **Bounded memory**: the log by [`Retention`]; a selection whose subscribers do not read by 64 KiB of
//!   events that have left the log, and 16 KiB of a frame of them; a subscriber by the one event that is
//!   on its way to it.
//! - **Short turns**: no call and no poll does work of a length that others choose, but for
//!   [`Hub::publish`], which wakes all subscribers that hear of the event.
//! - **A slow subscriber** costs the others nothing. What happens to it is [`Slow`].
//!
//! # An example
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
