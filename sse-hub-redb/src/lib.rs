//! Backend for [`sse_hub`] in one file: a single machine restarts without losing an event.
//!
//! A client reconnects after the restart with the ID that it got before. It misses no event that the file still keeps.
//! The file belongs to the embedded store [redb](https://docs.rs/redb), so that no server has to run.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use sse_hub::{Event, Hub, HubConfig, Topic};
//! use sse_hub_redb::{RedbConfig, RedbStore};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedbStore::open("events.redb", RedbConfig::new())?;
//! let (hub, follow) = Hub::with_backend(HubConfig::new(), Arc::new(store.clone()));
//! tokio::spawn(follow);
//!
//! hub.publish((Topic::new("news")?, Event::new("on the disk"))).await?;
//!
//! store.close().await; // before the program ends
//! # Ok(())
//! # }
//! ```
//!
//! # Types
//!
//! | task | types |
//! |---|---|
//! | open | [`RedbStore::open`] takes the path of the file; [`OpenError::kind`] tells why it failed |
//! | configure | [`RedbConfig`]: limits of the kept events, and the timeout for publishing |
//! | give a hub its events | [`Hub::with_backend`](sse_hub::Hub::with_backend) takes the [`RedbStore`] |
//! | end | [`RedbStore::close`] |
//!
//! # Guarantees
//!
//! - **A published event is on the disk.** Publishing completes after the file is synchronized (`fsync`). If the process
//!   is killed at any time, no such event is lost or stored twice. If a publisher stops waiting, its event is stored
//!   completely or not at all.
//! - **Sequences ascend** by 1, and are never used again. Each file has a random epoch, which is part of the IDs. So a hub
//!   recognizes the IDs of another file, and sends a `reset`.
//! - **Many publishers share a commit.** A thread stores all events that wait, up to 4096 or 4 MiB, in one transaction.
//! - **Reading does not delay publishing.** At most 8 replays read at a time, each up to 256 events or 32 KiB, or one
//!   event. Each read has its own transaction.
//! - **Bounded memory**: 64 MiB of events wait to be stored, and 64 MiB of pages are
//!   [cached](RedbConfig::cache_bytes). Publishers wait if there are more events.
//! - **Bounded work of retention**: a transaction removes at most 1024 events or 4 MiB, and twice the number of events
//!   and bytes that it adds. So a lowered limit does not stop the publishers.
//!
//! # Failures
//!
//! If the file cannot be written, for example because the disk is full, publishing fails with
//! [`BackendErrorKind::Unavailable`](sse_hub::BackendErrorKind::Unavailable). The event may be stored nevertheless.
//! The store closes the file and opens it again, after delays of 100 ms to 5 s. Until then, publishing fails at once with
//! the same reason, and [`Hub::disconnection`](sse_hub::Hub::disconnection) returns it. Replays wait.
//!
//! If pages of the file are damaged, a replay has the kind
//! [`Refused`](sse_hub::BackendErrorKind::Refused), and its subscriber gets a `reset`.
//!
//! # Limits
//!
//! - One process opens the file. For several machines, use [`sse-hub-nats`](https://docs.rs/sse-hub-nats).
//! - A replay reads the events of all topics and skips those of other filters.
//! - The file does not shrink soon after events are removed. New events use its free pages.
//! - The texts of an event have at most 16 MiB. The hub has a lower limit.
//! - To copy the file, close the store first.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
mod error;
mod file;
mod follow;
mod query;
mod record;
mod replay;
mod retention;
mod shared;
mod store;
mod writer;

pub use config::RedbConfig;
pub use error::{OpenError, OpenErrorKind};
pub use store::RedbStore;
