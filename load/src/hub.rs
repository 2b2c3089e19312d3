//! One feed for many: what the [measurement](crate::measure) of all servers has no place for.
//!
//! - [`paced`]: events that are published at a steady rate, and how long each takes to arrive;
//!   beside subscribers that do not read, too.
//! - [`latency`]: that, of all servers at the same rate.
//! - [`growth`]: what a subscriber costs where there are more and more of them.
//! - [`pipes`]: the same where there are more than a process may have open files.
//! - [`stalls`]: what those who do not read cost the others.
//! - [`report`]: the tables.

pub mod growth;
pub mod latency;
pub mod paced;
pub mod pipes;
pub mod report;
pub mod stalls;
