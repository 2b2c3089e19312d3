//! Publish/subscribe hub for server-sent events: sends each event to very many subscribers, with replay, topics and
//! bounded memory.
//!
//! A [`Hub`] keeps its events in the memory of one process, or shares them with other machines through a [`Backend`].
//! It knows no HTTP: a subscription is a stream of encoded events, which
//! [`sse-hyper`](https://docs.rs/sse-hyper) serves with hyper, axum and others.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{extract::State, response::{IntoResponse, Result}};
//! use sse_hub::{Event, EventId, Hub, Topic, TopicFilters};
//! use sse_hyper::{LastEventId, StreamTracker};
//!
//! type App = (Hub, StreamTracker);
//!
//! async fn events(
//!     State((hub, streams)): State<App>,
//!     LastEventId(seen): LastEventId<EventId>,
//! ) -> Result<impl IntoResponse> {
//!     let filters = TopicFilters::from_patterns(["news", "orders/*"])?;
//!     Ok(streams.body(hub.subscribe(filters, seen.as_ref())?))
//! }
//!
//! async fn publish(State((hub, _)): State<App>, text: String) -> Result<String> {
//!     let id = hub.publish((Topic::new("news")?, Event::new(text))).await?;
//!     Ok(format!("{id}\n"))
//! }
//! # let _: axum::Router = axum::Router::new()
//! #     .route("/events", axum::routing::get(events).post(publish))
//! #     .with_state(App::default());
//! ```
//!
//! The example `chat` of this crate is a chat room with replay and authorization in 60 lines.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `axum` | responses for errors: `IntoResponse` for [`SubscribeError`], [`PublishError`] and [`InvalidTopic`]; includes `http` |
//! | `gzip` | compresses each event once for all subscribers: `HubConfig::gzip` |
//! | `http` | status codes for errors: `SubscribeError::status`, `PublishError::status` and `InvalidTopic::status` |
//! | `sealed-ids` | encrypted event IDs, which hide the traffic of other topics and cannot be forged: `IdFormat::sealed` |
//!
//! No feature is on by default.
//!
//! # Guarantees
//!
//! - **Each event once, in order**, to each subscriber that is fast enough, over any number of reconnections.
//!   If the log does not reach back far enough, or if the subscriber is too slow, the hub sends it a `reset` or
//!   `lagged` event.
//! - **Bounded memory**: [`Retention`] limits the log. A set of topic filters whose subscribers do not read holds at most
//!   64 KiB of events that have left the log, and a frame of 16 KiB. A subscriber holds the one event that is
//!   being sent to it.
//! - **Short turns**: no call and no poll does an unbounded amount of work. The exception is [`Hub::publish`],
//!   which wakes all subscribers that receive the event.
//! - **Slow subscribers** do not delay the others. [`LagPolicy`] sets what happens to them.
//!
//! # Types
//!
//! | task | types |
//! |---|---|
//! | publish | [`Hub::publish`] and [`Hub::try_publish`] take a [`Publication`]: an [`Event`] with its [`Topics`], and a key if there is one |
//! | subscribe | [`Hub::subscribe`] takes [`TopicFilters`]; [`Hub::subscription`] returns a [`SubscriptionBuilder`] with more options |
//! | authorize | an [`Authorizer`] returns a [`Grant`] or [`Denied`] |
//! | serve | a [`Subscription`] is a stream of [`Encoded`] events; [`Events`] is a stream of single events |
//! | configure | [`HubConfig`], [`Retention`], [`IdFormat`], [`LagPolicy`] |
//! | observe | [`Hub::stats`] returns [`Stats`]; [`Hub::disconnection`] and [`Hub::replay_failure`] return errors of the backend |
//! | share between machines | [`Hub::with_backend`] takes a [`Backend`], such as [`sse-hub-nats`](https://docs.rs/sse-hub-nats) |
//! | keep events over a restart | the backend [`sse-hub-redb`](https://docs.rs/sse-hub-redb), on one machine |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod audience;
mod authorizer;
mod backend;
mod config;
mod custom_pattern;
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
pub use custom_pattern::CustomPattern;
pub use hub::Hub;
pub use id_format::IdFormat;
pub use publication::{Publication, PublishError, Sequenced};
pub use sse_proto::{CloseEvent, Encoded, Event, EventId, EventType};
pub use stats::{LagHistogram, Stats};
pub use subscription::{Events, Start, SubscribeError, Subscription, SubscriptionBuilder};
pub use topic::{InvalidTopic, Topic, Topics};
pub use topic_filters::{Pattern, TopicFilter, TopicFilters};
