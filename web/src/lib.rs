//! The demo: one page that updates by itself, and the server that it listens to.
//!
//! # Map
//!
//! ```text
//!   feeds ── publish ──▶ EventLog ──▶ journal            (feeds.rs, log.rs, journal.rs)
//!                           │ subscribe(last event ID)
//!                        FanOut        counters           (fan_out.rs)
//!                           │
//!                        Faults        what a page breaks (faults.rs)
//!                           │                ▲
//!   page ◀── /events ── Demo::respond ── /break           (serve.rs, control.rs, query.rs)
//! ```
//!
//! The page itself is the crate in `page/`, built to wasm by `cargo xtask page`.

mod control;
mod fan_out;
mod faults;
mod feeds;
mod journal;
mod log;
mod query;
mod serve;

pub use feeds::publish_feeds;
pub use log::EventLog;
pub use serve::Demo;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
