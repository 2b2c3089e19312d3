//! The pages that a newcomer reads, as tests: each block of Rust in them is compiled, and run where it
//! can be.

/// What the whole is, and how to begin.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
