//! The pages for new users, as doctests: each block of Rust in them is compiled, and run if it can be.

/// The README of the repository.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The first steps with each crate.
#[cfg(doctest)]
#[doc = include_str!("../getting-started.md")]
struct GettingStarted;

/// The guide for users of other crates.
#[cfg(doctest)]
#[doc = include_str!("../migration.md")]
struct Migration;

/// The guide on when to use server-sent events.
#[cfg(doctest)]
#[doc = include_str!("../choosing.md")]
struct Choosing;

/// The README of each crate, except sse-npm, whose examples are JavaScript.
#[cfg(doctest)]
mod readmes {
    #[doc = include_str!("../../sse-cli/README.md")]
    struct Cli;
    #[doc = include_str!("../../sse-hub/README.md")]
    struct Hub;
    #[doc = include_str!("../../sse-hub-nats/README.md")]
    struct HubNats;
    #[doc = include_str!("../../sse-hub-redb/README.md")]
    struct HubRedb;
    #[doc = include_str!("../../sse-mercure/README.md")]
    struct Mercure;
    #[doc = include_str!("../../sse-reactor/README.md")]
    struct Reactor;
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
