//! Demo server of a page with live updates.
//!
//! # Map
//!
//! ```text
//!   feeds ── append ──▶ Journal ── publish ──▶ Hub        (feeds.rs, publication.rs, journal.rs, sse-hub)
//!                                               │ subscribe(topics, last event ID)
//!                                           Counters     (counters.rs)
//!                                               │
//!                                            Faults      faults that a page requests (faults.rs)
//!                                               │     ▲
//!   page ◀── /events ─────────── Demo::respond ──── /break   (serve.rs, control.rs, query.rs)
//! ```
//!
//! Several servers share their events if their hubs store them in NATS instead of a journal (`node.rs`,
//! `bin/node.rs`).
//!
//! The page itself is the crate in `page/`. `cargo xtask page` builds it to wasm.

mod control;
mod counters;
mod faults;
mod feeds;
mod journal;
mod node;
mod publication;
mod query;
mod serve;
mod start;

pub use feeds::{publish_feeds, publish_share};
pub use journal::{Journal, hub_config};
pub use node::Node;
pub use serve::Demo;
pub use start::{exit_code, listen};
