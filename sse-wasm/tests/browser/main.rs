//! Both clients in real browsers, in windows and in workers of every kind. `cargo xtask test-browser`
//! brings the browsers, and two servers on other origins: on the port after the page's the contract
//! server of sse-hyper, and on the next one testkit's, which has faults.
//!
//! - [`place`]: where a test runs, its time and its memory.
//! - [`servers`]: what they are asked, and what they say of it.
//! - [`client`]: the two clients, and what is expected of them; [`golden`]: the events of `/golden`.
//!
//! Tests of both clients: `resume`, `stream`, `wake`, `leaks`, and `endurance`, which is run in windows only,
//! with nothing beside it. Of the browser's own `EventSource`: `native`, `callbacks`, `revival`. Of the
//! client over `fetch`: `request`, `once`, `refusal`, `life`. Of what they share: `choice`, `json`, `settings`; and of tabs: `share`.
#![cfg(target_family = "wasm")]

mod client;
#[allow(unreachable_pub, reason = "testkit has it for all")]
#[path = "../../../testkit/src/contract/golden.rs"]
mod golden;
mod place;
mod servers;

mod callbacks;
mod choice;
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
mod settings;
mod share;
mod stream;
mod wake;
