//! Tests of both clients in real browsers, in windows and in all kinds of workers.
//!
//! `cargo xtask test-browser` starts the browsers and two servers on other origins. The contract server of sse-hyper
//! has the port after the page's port. The server of testkit with faults has the port after that.
//!
//! Helpers:
//!
//! - [`place`]: the environment of a test, its time and its memory.
//! - [`servers`]: requests to the servers, and their statistics.
//! - [`client`]: the two clients, and functions that read from them.
//! - [`golden`]: the events of `/golden`.
//!
//! Tests:
//!
//! - Both clients: `resume`, `stream`, `wake`, `leaks` and `endurance`. `endurance` runs only in windows, and alone.
//! - The browser's own `EventSource`: `native`, `callbacks`, `revival`.
//! - The client over `fetch`: `request`, `once`, `refusal`, `life`.
//! - Common parts: `choice`, `json`, `settings`.
//! - Tabs: `share`.
#![cfg(target_family = "wasm")]

mod client;
#[allow(unreachable_pub, reason = "testkit has it for all")]
#[path = "../../../testkit/src/contract/golden.rs"]
mod golden;
mod place;
mod servers;

mod callbacks;
mod choice;
mod config;
mod endurance;
mod json;
mod leaks;
mod life;
mod native;
mod once;
mod refusal;
mod request;
mod resume;
mod revival;
mod share;
mod stream;
mod wake;
