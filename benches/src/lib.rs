//! How fast the codec is, beside its peers and beside what the machine allows.
//!
//! - [`workloads`]: what is decoded and encoded; [`feed`]: how it is cut into chunks.
//! - [`ours`], [`peers`], [`encoders`], [`limits`]: who takes part. All that decode have the shape
//!   `fn(&Feed) -> Tally`, so that the answers can be compared and not only the times.
//! - [`measure`]: who takes how long; [`figures`]: how long it may take.
//! - [`decode`], [`encode`], [`allocations`]: the tables, written with [`markdown`];
//!   [`machine`]: where they were made.
//!
//! `cargo run --release --package benches --bin table` prints all of it.

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
