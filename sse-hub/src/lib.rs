//! Publish/subscribe hub for server-sent events: sends each event to very many subscribers, with replay.
//!
//! A [`Hub`] keeps its events in the memory of one process, or shares them with other machines through a
//! [`Backend`].
//!
//! ```
//! use axum::{Router, body::Body, extract::{Request, State}, response::Response, routing::get};
//! use sse_hub::{Hub, TopicFilters, Topic};
//! use sse_hyper::{Event, StreamTracker};
//!
//! async fn events(State((hub, streams)): State<(Hub, StreamTracker)>, request: Request) -> Response {
//!     let last_event_id = sse_hyper::last_event_id(request.headers()).ok().flatten();
//!     match hub.subscribe(TopicFilters::all(), last_event_id.as_ref()) {
//!         Ok(subscription) => streams.respond(&request, subscription).map(Body::new),
//!         Err(error) => Response::builder().status(503).body(Body::from(error.to_string())).unwrap(),
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let (hub, streams) = (Hub::default(), StreamTracker::default());
//! let router: Router = Router::new()
//!     .route("/events", get(events))
//!     .with_state((hub.clone(), streams.clone()));
//!
//! let id = hub.publish((Topic::new("news")?, Event::new("it works"))).await?;
//! # drop((router, id));
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Guarantees
//!
//! - **Each event once, in order**, to each subscriber that is fast enough, over any number of reconnections.
//!   If the log does not reach back far enough, or if the subscriber is too slow, the hub sends it a `reset` or
//!   `lagged` event.
//! - **Bounded memory**: [`Retention`] limits the log. A filters whose subscribers do not read holds at most
//!   64 KiB of events that have left the log, and a frame of 16 KiB. A subscriber holds the one event that is
//!   being sent to it.
//! - **Short turns**: no call and no poll does an unbounded amount of work. The exception is [`Hub::publish`],
//!   which wakes all subscribers that receive the event.
//! - **LagPolicy subscribers** do not delay the others. [`LagPolicy`] sets what happens to them.
//!
//! # Types
//!
//! - Publish: [`Hub::publish`] takes [`Topics`] and an event. [`Hub::publication`] takes a [`Publication`], which can have a key.
//! - Subscribe: [`Hub::subscribe`] and [`Hub::subscription`] take a [`TopicFilters`] of topics and patterns. An
//!   [`Authorizer`] decides if the client may subscribe.
//! - Serve: a [`Subscription`] is a stream of encoded events. Pass it to [`sse_hyper::StreamTracker::respond`] or
//!   [`sse_hyper::EventBody`], which hyper, axum and warp serve. sse-hyper sets the headers, sends keep-alives and
//!   shuts down gracefully.
//! - Configure: [`HubConfig`], [`Retention`], [`IdFormat`] and [`LagPolicy`].
//! - Observe: [`Stats`], and metrics of the crate `metrics`.

// Map of the source files:
//
//   publish(topics, event)                          subscribe(filters, last event ID)
//      │   Publication, Topics: what is published             │   SubscriptionBuilder: builder of a subscription
//      │                 (publication.rs, topic.rs)           │               (subscription_builder.rs, topic_filters.rs)
//      ▼   check of sizes and types (gate.rs)          ▼   Authorizer: permission (authorizer.rs)
//     Hub ────────────── encodes the event once        (hub.rs, shared.rs, id_format.rs, stats.rs)
//      │    Index        channels that receive it      (index.rs, digest.rs)
//      ├──▶ Channel      its subscribers, and their unread events  (channel.rs) ◀──┐
//      └──▶ Log          events for a replay  (log.rs, per_topic.rs, lost.rs) ◀────┤
//           Backend      other machines  (backend.rs) ◀── Replay (recovery.rs) ──┤
//                                                                               Cursor  (reader.rs)
//      Turn: limits the work of one poll (turn.rs)     a cursor, without a queue   │
//                                                                             Subscription
//                                          a stream of encoded events      (subscription.rs)

mod authorizer;
mod backend;
mod config;
mod fanout;
mod hub;
mod id_format;
mod log;
mod publication;
#[cfg(feature = "http")]
mod response;
mod stats;
mod subscription;
mod topic;
mod topic_filters;
mod turn;

pub use authorizer::{Authorizer, Denied, Grant};
pub use backend::{Backend, BackendError, BackendErrorKind, Replayed, Update};
pub use config::{HubConfig, LagPolicy, Retention};
pub use hub::Hub;
pub use id_format::IdFormat;
pub use publication::{Publication, PublishError, Sequenced};
pub use sse_hyper::{CloseEvent, Encoded, Event, EventId, EventType};
pub use stats::{LagHistogram, Stats};
pub use subscription::{Events, SubscribeError, Subscription, SubscriptionBuilder};
pub use topic::{InvalidTopic, Topic, Topics};
pub use topic_filters::{Pattern, TopicFilter, TopicFilters};
