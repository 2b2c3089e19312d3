//! Benchmarks of the codec, compared with other crates and with the limits of the machine.
//!
//! - [`workloads`] has the streams, and [`feed`] splits them into chunks.
//! - [`ours`], [`peers`], [`encoders`] and [`limits`] have the contenders. All decoders have the signature
//!   `fn(&Feed) -> Tally`, so that not only their times but also their results can be compared.
//! - [`measure`] measures times, and [`figures`] has the target ratios.
//! - [`decode`], [`encode`] and [`allocations`] produce the tables with [`markdown`]. [`machine`] describes the
//!   machine.
//!
//! `cargo run --release --package benches --bin table` prints all tables.

pub mod allocations;
pub mod decode;
pub mod encode;
pub mod encoders;
pub mod feed;
pub mod figures;
pub mod limits;
pub mod machine;
pub mod markdown;
pub mod measure;
pub mod ours;
pub mod peers;
pub mod tally;
pub mod workloads;

mod text;
