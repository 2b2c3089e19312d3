//! The servers under load: many subscribers, beside other libraries' own, and many clients that
//! misbehave.
//!
//! - [`feed`]: what is published; [`servers`]: who serves it. The binary `serve` is both.
//! - [`process`]: a server in a process of its own, seen from outside; [`machine`]: its limits and
//!   cores.
//! - [`subscribers`]: thousands of clients in one thread; [`measure`]: how fast they are served;
//!   [`shutdown`]: how they are sent away; [`report`]: the tables, written with [`markdown`]. The
//!   binary `table` is all of it.
//! - [`soak`]: clients that come, stall, leave and resume, and check each event. The binary `soak`.

pub mod feed;
pub mod machine;
pub mod measure;
pub mod process;
pub mod report;
pub mod servers;
pub mod shutdown;
pub mod soak;
pub mod subscribers;

/// Where and when the tables were made.
#[path = "../../benches/src/machine.rs"]
pub mod place;

#[path = "../../benches/src/markdown.rs"]
pub mod markdown;
