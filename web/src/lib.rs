//! The demo: one page that updates by itself, and the server that it listens to.
//!
//! # Map
//!
//! ```text
//!   feeds ── append ──▶ Journal ── publish ──▶ Hub        (feeds.rs, post.rs, journal.rs, sse-hub)
//!                                               │ subscribe(topics, last event ID)
//!                                           Counters     (counters.rs)
//!                                               │
//!                                            Faults      what a page breaks (faults.rs)
//!                                               │     ▲
//!   page ◀── /events ─────────── Demo::respond ──── /break   (serve.rs, control.rs, query.rs)
//! ```
//!
//! Several servers have the same events if their hubs keep them in NATS, in place of a journal (`node.rs`,
//! `bin/node.rs`).
//!
//! The page itself is the crate in `page/`, built to wasm by `cargo xtask page`.

mod control;
mod counters;
mod faults;
mod feeds;
mod journal;
mod node;
mod post;
mod query;
mod serve;
mod start;

pub use feeds::{publish_feeds, publish_share};
pub use journal::{Journal, settings};
pub use node::Node;
pub use serve::Demo;
pub use start::{exit_code, listen};
