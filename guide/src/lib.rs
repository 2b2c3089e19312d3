//! The pages that a newcomer reads, as tests: each block of Rust in them is compiled, and run where it
//! can be.

/// What the whole is, and how to begin.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// What becomes of the names of other crates.
#[cfg(doctest)]
#[doc = include_str!("../migration.md")]
struct Migration;

/// When to use server-sent events.
#[cfg(doctest)]
#[doc = include_str!("../choosing.md")]
struct Choosing;

/// What each crate shows of itself. That of sse-npm is JavaScript.
#[cfg(doctest)]
mod readmes {
    #[doc = include_str!("../../sse-cli/README.md")]
    struct Cli;
    #[doc = include_str!("../../sse-hub/README.md")]
    struct Hub;
    #[doc = include_str!("../../sse-hub-nats/README.md")]
    struct HubNats;
    #[doc = include_str!("../../sse-hyper/README.md")]
    struct Hyper;
    #[doc = include_str!("../../sse-proto/README.md")]
    struct Proto;
    #[doc = include_str!("../../sse-source/README.md")]
    struct Source;
    #[doc = include_str!("../../sse-warp/README.md")]
    struct Warp;
    #[doc = include_str!("../../sse-wasm/README.md")]
    struct Wasm;
}
