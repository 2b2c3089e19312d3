//! NATS JetStream backend for [`sse_hub`]: publish on any machine, subscribe on any other.
//!
//! A client can reconnect to any machine with the ID that it got from another one. It misses no event that the stream
//! still keeps.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use sse_hub::{Event, Hub, HubConfig, Topic};
//! use sse_hub_nats::{JetStream, NatsConfig};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let nats = JetStream::new("nats://127.0.0.1:4222", NatsConfig::new())?;
//! let (hub, follow) = Hub::with_backend(HubConfig::new(), Arc::new(nats));
//! tokio::spawn(follow);
//!
//! hub.publish((Topic::new("news")?, Event::new("on all machines"))).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `nkeys` | credentials files and nkeys, in the options of [`JetStream::with_options`] |
//!
//! It is not on by default.
//!
//! # Types
//!
//! | task | types |
//! |---|---|
//! | connect | [`JetStream::new`] takes addresses; [`JetStream::with_options`] also takes certificates and credentials |
//! | configure | [`NatsConfig`]: the stream, its limits and replicas, and the timeout for publishing |
//! | send requests to the other nodes | [`JetStream::peers`] returns [`Peers`] |
//! | share the events of a hub | [`Hub::with_backend`](sse_hub::Hub::with_backend) takes the [`JetStream`] |
//!
//! # Guarantees
//!
//! - **A published event is stored exactly once**, even if the attempt had to be repeated. All attempts must fit into
//!   the stream's duplicate window. The safety of the storage depends on the stream's
//!   [replicas](NatsConfig::replicas), and on the `fsync` interval of NATS.
//! - **No gaps and no duplicates** for hubs that follow the stream, even if NATS or the connection fails. The hub
//!   learns which events the limits of the stream have removed.
//! - **A node starts without NATS**, and waits for it.
//! - **Bounded work**: a hub requests 512 messages at a time. It replays missed events for at most 32 subscribers at a
//!   time, and fetches 256 events for each topic filter. If a subscriber has more than seven filters, the replay reads
//!   all topics.
//!
//! # Data in NATS
//!
//! The hub needs a stream of its own. An event with one topic has the subject of that topic, below the subject of the
//! stream: `sse.events.orders.17` for `orders/17`. So a replay reads only the topics of its filters. Characters other
//! than letters, digits, `-` and `_` are percent-encoded. An event with several topics has the subject `sse.events`,
//! which each replay reads. If the stream was created by hand with only this subject, all events have it.
//!
//! Each event is a message. The sequence of the event is that of the message. The epoch of the sequences is
//! part of each ID: it is the time when the stream was created, which is stored in the description of the stream. A
//! client can resume with its `Last-Event-ID` on every node, as long as the stream keeps the event.
//!
//! | part of the message | content |
//! |---|---|
//! | `Sse-Topics` | the topics, percent-encoded and separated by commas |
//! | `Sse-Key` | the key, percent-encoded, if there is one |
//! | `Nats-Msg-Id` | a random ID, so that JetStream detects a repeated attempt to publish the event |
//! | payload | the event as it is sent to clients, without its ID: [`Event::encode`](sse_proto::Event::encode) |
//!
//! Because of this encoding, CR and CRLF in data become LF before the hub gets the event, not only before the client
//! gets it. The server's `max_payload` limits the whole message. It is 1 MiB by default.
//!
//! A message that is not an event is skipped. A warning logs its sequence and the reason. A message cannot contain more
//! than one event. If the hub [refuses](sse_hub::Hub::check) an event from its publishers, it also refuses it from
//! NATS. But every NATS client that may publish on `sse.events` can publish events of all topics, so do not give this
//! permission to other clients. A NATS client that may publish only on `sse.events.orders.>` can publish only events
//! with one topic below `orders`.
//!
//! If the client of `async_nats` cannot read the headers of a message, its connection ends, or its task panics. The
//! backend then deletes this poison message, checks the messages after it before the client reads them, and continues
//! at once.
//!
//! # Refusals of NATS
//!
//! A refusal because of permissions or limits lasts until an operator changes them, so another attempt does not help.
//! Such an error has the kind [`BackendErrorKind::Refused`](sse_hub::BackendErrorKind::Refused).
//!
//! - A publisher gets the error at once.
//! - A subscriber gets a `reset` after 5 s of refusals, because other clients may reach a limit only for a short time.
//! - An event that is too large for NATS or the stream has the kind
//!   [`TooLarge`](sse_hub::BackendErrorKind::TooLarge).
//! - A hub that may not read the stream tries again. [`Hub::disconnection`](sse_hub::Hub::disconnection) returns the
//!   reason.
//!
//! # Deleted streams
//!
//! The first node that needs a deleted stream creates it again. Its sequences begin with the time in microseconds since
//! 1970, so they continue to ascend, and all hubs learn that the earlier events are lost.
//!
//! In NATS before 2.10, the sequences begin at 1 again. A hub that has seen greater sequences cannot use them. It stays
//! disconnected ([`Hub::is_connected`](sse_hub::Hub::is_connected)) and logs this: restart the process. This also
//! applies to a stream in memory if its server is restarted. A client that resumes with an ID of the earlier stream
//! gets a `reset`, because the epoch has changed.
//!
//! A stream that was created or described by hand has no epoch. So a hub recognizes a new stream only by its lower
//! sequences. If you restore NATS from an older state, such as a snapshot, delete the stream, because its sequences
//! would be used again.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod config;
mod connection;
mod consumer;
mod error;
mod follow;
mod jetstream;
mod message;
mod peers;
mod poison;
mod publish;
mod replay;
mod stream;

pub use async_nats;

pub use config::{InvalidConfig, NatsConfig};
pub use jetstream::JetStream;
pub use peers::Peers;
