//! Tests of both clients in real browsers, in windows and in all kinds of workers.
//!
//! `cargo xtask test-browser` starts the browsers and two servers on other origins. The contract server of sse-hyper
//! has the port after the page's port. The server of testkit with faults has the port after that.
//!
//! Helpers:
//!
//! - [`environment`]: the browser, the time and the memory of a test.
//! - [`servers`]: requests to the servers, and their statistics.
//! - [`client`]: the two clients, and functions that read from them.
//! - [`golden`]: the events of `/golden`.
//!
//! Tests:
//!
//! - Both clients: `resume`, `stream`, `wake`, `leaks` and `endurance`. `endurance` runs only in windows, and alone.
//! - The browser's own `EventSource`: `native`, `callbacks`, `reconnect`.
//! - The client over `fetch`: `request`, `sent_once`, `error_response`, `lifecycle`.
//! - Common parts: `open`, `json`, `config`.
//! - Tabs: `share`.
#![cfg(target_family = "wasm")]

mod client;
mod environment;
#[allow(unreachable_pub, reason = "testkit has it for all")]
#[path = "../../../testkit/src/contract/golden.rs"]
mod golden;
mod servers;

mod callbacks;
mod config;
mod endurance;
mod error_response;
mod json;
mod leaks;
mod lifecycle;
mod native;
mod open;
mod reconnect;
mod request;
mod resume;
mod sent_once;
mod share;
mod stream;
mod wake;
