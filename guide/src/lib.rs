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
