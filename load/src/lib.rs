//! Load tests: servers with many subscribers, servers with misbehaving clients, clients of a server that always has
//! more data, and clients whose server is killed. Other libraries are measured for comparison.
//!
//! - [`feed`]: the published texts, controlled by [`commands`]; [`servers`]: the libraries that serve them. The binary
//!   is `serve`.
//! - [`subscribers`]: thousands of clients in one thread, with the latencies of their events. The binary is
//!   `subscribe`.
//! - [`server`], [`subscriber_process`]: handles of these programs. Each is a [`program`] that reads and writes lines,
//!   in a [`process`], which also reads `/proc`. [`machine`]: limits, cores and clock of the machine.
//! - [`measure`]: rates of servers, in [`samples`]; [`shutdown`]: graceful shutdown; [`report`]: the tables, written
//!   with [`markdown`]. The binary is `servers`, and takes [`options`].
//! - [`hub`]: fan-out of one feed: rates, latencies, memory with a growing number of subscribers, and subscribers
//!   that do not read. The binary is `hub`.
//! - [`mercure`]: cost of the Mercure protocol, and of routing by topics and patterns. The binaries are `mercure` and,
//!   for the routing, `routes`.
//! - [`soak`]: clients that connect, stall, leave and resume, and check each event. The binary is `soak`.
//! - [`flood`]: a server that always has data to read, with a binary of that name; [`clients`]: the libraries that
//!   receive it; [`receiver`]: the main function of their programs, with a [`tally`], and the handle of such a program.
//! - [`decoding`]: rates and memory of these clients. The binary is `clients`.
//! - [`restarts`]: a client whose server is killed repeatedly. The binaries are `restarts` and, for the server,
//!   `kill_target`.
//! - [`attack`]: hostile requests, floods and bombs. The binaries are `attack` and, for the client, `attacked`.
//! - [`nodes`]: many clients at several nodes over one NATS server, while each of them is killed once. The binary is
//!   `nodes`.
//! - [`store_kills`]: a hub with a file, which is killed while many publishers use it. The binary is `store_kills`.
//! - [`durable`]: rates of durable events, of stores with many publishers. The binary is `durable`.

pub mod attack;
pub mod clients;
pub mod commands;
pub mod decoding;
pub mod durable;
pub mod feed;
pub mod flood;
pub mod hub;
mod hub_publisher;
pub mod machine;
pub mod measure;
pub mod mercure;
pub mod nodes;
pub mod options;
pub mod process;
pub mod program;
pub mod receiver;
pub mod report;
pub mod restarts;
pub mod samples;
pub mod server;
pub mod servers;
pub mod serving;
pub mod shutdown;
pub mod soak;
pub mod store_kills;
pub mod subscriber_process;
pub mod subscribers;
pub mod tally;

/// Machine and time of a run, for the tables.
#[path = "../../benches/src/machine.rs"]
pub mod place;

#[path = "../../benches/src/markdown.rs"]
pub mod markdown;

/// Streams that the flood serves.
#[path = "../../benches/src/workloads.rs"]
pub mod workloads;

#[path = "../../benches/src/text.rs"]
mod text;
