//! The servers under load: many subscribers, beside other libraries' own, and many clients that
//! misbehave. And the clients: streams that are always ahead of them, and a server that dies.
//!
//! - [`feed`]: what is published, by [`orders`]; [`servers`]: who serves it. The binary `serve` is both.
//! - [`subscribers`]: thousands of clients in one thread, and [`latencies`] of what they receive. The
//!   binary `subscribe`.
//! - [`server`], [`crowd`]: these programs at work, each a [`program`] to talk to, in a [`process`]
//!   that is [`seen`] from outside; [`machine`]: its limits, cores and clock;
//!   [`number`]: reading what it writes.
//! - [`measure`]: how fast subscribers are served, in [`samples`]; [`shutdown`]: how they are sent
//!   away; [`report`]: the tables, written with [`markdown`]. The binary `table` is all of it, as its
//!   [`arguments`] say.
//! - [`hub`]: one feed for many: the same, and how evenly, at what cost for how many, and beside
//!   subscribers that do not read. The binary `hub` is all of it.
//! - [`soak`]: clients that come, stall, leave and resume, and check each event. The binary `soak`.
//! - [`flood`]: a server that is never waited for, the binary of that name; [`clients`]: who receives
//!   what it writes; [`receiving`]: what their programs do, with a [`tally`] of it; [`receiver`]: one of
//!   them at work.
//! - [`decoding`]: how fast that is, and in how much memory. The binary `clients` is all of it.
//! - [`restarts`]: a client whose server is killed again and again. The binaries `restarts` and, for
//!   the server, `mortal`.
//! - [`attack`]: hostile requests, floods and bombs. The binaries `attack` and, for the client, `attacked`.
//! - [`nodes`]: many clients at several nodes over one NATS, of which each dies. The binary `nodes`.

pub mod arguments;
pub mod attack;
mod cells;
pub mod clients;
mod count;
pub mod crowd;
pub mod decoding;
pub mod feed;
pub mod flood;
pub mod hub;
pub mod latencies;
pub mod machine;
pub mod measure;
pub mod nodes;
pub mod number;
pub mod orders;
pub mod process;
pub mod program;
pub mod receiver;
pub mod receiving;
pub mod report;
pub mod restarts;
pub mod samples;
pub mod seen;
pub mod server;
pub mod servers;
pub mod serving;
pub mod shutdown;
pub mod soak;
pub mod subscribers;
pub mod tally;

/// Where and when the tables were made.
#[path = "../../benches/src/machine.rs"]
pub mod place;

#[path = "../../benches/src/markdown.rs"]
pub mod markdown;

/// What the flood serves.
#[path = "../../benches/src/workloads.rs"]
pub mod workloads;

#[path = "../../benches/src/text.rs"]
mod text;
