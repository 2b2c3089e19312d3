//! The events of [`sse_hub`] over NATS JetStream: publish on any machine, subscribe on any other.
//!
//! # Map
//!
//! ```text
//!     Hub::with_backend(settings, JetStream)                        (sse_hub)
//!      │          │           │           │
//!   publish    follow      replay      newest          JetStream    (jetstream.rs, settings.rs)
//!      │          │           │           │
//!      │       follow.rs   replay.rs      │     in order, without gap, over restarts of NATS
//!      │          └─────┬─────┘           │
//!  publish.rs        pull.rs, raw.rs      │     an ordered consumer, for one life of the connection;
//!      │                │                 │     one message at a time, after one has ended it
//!      └────────┬───────┴──────────┬──────┘
//!  wire.rs, headers.rs, subject.rs   stream.rs  an event as a message; the stream, made if missing
//!               └───────┬──────────┘
//!    link.rs, address.rs, backoff.rs, refusal.rs      one connection after another, and refusals
//! ```
//!
//! # What is in NATS
//!
//! One stream that belongs to the hub alone. An event with one topic has the subject of that topic below the stream's,
//! `sse.events.orders.17` for `orders/17`, so that a replay reads only the topics that are selected. Segments are
//! percent-encoded where they have more than letters, digits, `-` and `_`. An event with several topics has the subject
//! `sse.events`, which each replay reads; so has each event in a stream that was made by hand with this subject alone.
//!
//! Each event is a message, and its number is the message's sequence. The epoch of the numbers, which is part of each
//! ID, is the time when the stream was made, from its description. A client's `Last-Event-ID` is good on every node,
//! and as long as the stream keeps the event.
//!
//! | message | |
//! |---|---|
//! | `Sse-Topics` | the topics, percent-encoded, with commas between them |
//! | `Sse-Key` | the key, percent-encoded, if there is one |
//! | `Nats-Msg-Id` | random, by which JetStream knows a second attempt to publish the same event |
//! | payload | the event as it goes to clients, without its ID: [`Event::encode`](sse_proto::Event::encode) |
//!
//! By that, CR and CRLF in data become LF before the hub sees it, not only before the client does. The
//! whole message is subject to the server's `max_payload`, 1 MiB if nobody changed it.
//!
//! A message that is anything else is skipped, with a warning that says which and why. It cannot forge
//! more than one event. An event that the hub [refuses](sse_hub::Hub::check) from its publishers is
//! refused from NATS, too. But every client that may publish on `sse.events` can publish events of all topics, so allow
//! no other. One that may publish on `sse.events.orders.>` alone can publish events with one topic below `orders`.
//!
//! A message with headers that the client of `async_nats` cannot read ends its connection, or its task by a
//! panic. It is deleted, those that follow it are looked at before they are read, and all goes on at once.
//!
//! # What it promises
//!
//! - **An event that was published is there**, once, however often the attempt had to be repeated, as
//!   long as that takes less than the stream's duplicate window. What "there" means is up to the stream:
//!   [replicas](Settings::with_replicas), and NATS's own interval of `fsync`.
//! - **No gap and nothing twice** for those who follow, whatever happens to NATS or to the connection.
//!   What the stream's limits have removed is said to be gone.
//! - **It starts without NATS**, and waits for it.
//! - **Bounded work**: a follower asks for 512 messages at a time, and what subscribers have missed
//!   is fetched for 32 of them at a time, 256 events of each selected topic or pattern. With more than seven of these,
//!   a replay reads all topics.
//!
//! # What NATS refuses
//!
//! Permissions and limits last until somebody changes them, so that another attempt does not help. They are told by
//! [`BackendErrorKind::Refused`](sse_hub::BackendErrorKind::Refused): to a publisher at once, and to a subscriber by a
//! `reset` after 5 s of refusals, because others may use up a limit only for a while. An event that is larger than
//! NATS or the stream takes is [`TooLarge`](sse_hub::BackendErrorKind::TooLarge). A hub that may not read the stream
//! tries again, and says why in [`Hub::disconnection`](sse_hub::Hub::disconnection).
//!
//! # If the stream is deleted
//!
//! It is made anew by whoever needs it first. Its numbers begin with the time in microseconds since
//! 1970, so they go on ascending, and all learn that what was before is gone. NATS before 2.10 cannot do
//! that: there, numbers begin at 1 again, and they are of no use to a hub that has seen greater ones. It
//! stays disconnected ([`Hub::is_connected`](sse_hub::Hub::is_connected)) and says so; start the process
//! again. The same holds for a stream in memory whose server was restarted. Clients that come with an ID of the
//! former stream get a `reset`, because its epoch is another one.
//!
//! A stream that was made or described by hand has no epoch: it is known by its length alone. If NATS is set back
//! to an older state, such as that of a snapshot, delete the stream, because its numbers are used again.
//!
//! # An example
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use sse_hub::{Hub, Settings, Topic};
//! use sse_hub_nats::JetStream;
//! use sse_proto::Event;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let nats = JetStream::connect("nats://127.0.0.1:4222", sse_hub_nats::Settings::default())?;
//! let (hub, follow) = Hub::with_backend(Settings::default(), Arc::new(nats));
//! tokio::spawn(follow);
//!
//! hub.publish(Topic::new("news")?, Event::new("on all machines")).await?;
//! # Ok(())
//! # }
//! ```

mod address;
mod backoff;
mod error;
mod follow;
mod headers;
mod jetstream;
mod link;
mod publish;
mod pull;
mod raw;
mod refusal;
mod replay;
mod settings;
mod shared;
mod stream;
mod subject;
mod wire;

pub use async_nats;

pub use jetstream::{InvalidSettings, JetStream};
pub use settings::Settings;
