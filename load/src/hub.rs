//! Fan-out of one feed: measurements in addition to those of [`measure`](crate::measure).
//!
//! - [`paced`]: publishes events at a steady rate and measures latencies, of all servers at the same
//!   rate, also with subscribers that do not read.
//! - [`compressed`]: cost of compressed streams.
//! - [`growth`]: cost of a subscriber while their number grows, also if there are more than a process may have
//!   open files.
//! - [`idle`]: memory of idle subscribers of whole programs; [`hub_program`]: `sse hub` as one of them.
//! - [`stalls`]: effect of subscribers that do not read on the others.
//! - [`report`]: the tables.

pub mod compressed;
mod connection;
pub mod growth;
pub mod hub_program;
pub mod idle;
pub mod paced;
pub mod report;
pub mod stalls;
