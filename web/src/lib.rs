//! The demo: one page that updates by itself, and the server that it listens to.
//!
//! # Map
//!
//! ```text
//!   feeds ── publish ──▶ EventLog ──▶ journal        (feeds.rs, log.rs, journal.rs)
//!                           │ subscribe(last event ID)
//!   page ◀── /events ── Demo::respond ── /handler    (serve.rs)
//! ```
//!
//! The page itself is the crate in `page/`, built to wasm by `cargo xtask page`.

mod feeds;
mod journal;
mod log;
mod serve;

pub use feeds::publish_feeds;
pub use log::EventLog;
pub use serve::Demo;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
