//! The command `sse`: for people who watch event streams with `curl -N`.
//!
//! # Map
//!
//! ```text
//!   sse get URL          sse decode         sse encode        sse hub          sse publish URL
//!       │                    │                  │                │                   │
//!    get.rs              decode.rs          encode.rs          hub.rs,           publish.rs
//!       │                    │                  │              which has a           │
//!       │                    │                  │              map of its own        │
//!       ├─ url.rs, transport.rs ─────────────────────────────────┼───────────────────┤     where to, and by which way
//!       ├─ request.rs        │                  │                │     what is asked for
//!       ├─ raw.rs            │                  │                │     the bytes as they come
//!       ├─ notice.rs         │                  │                │     what goes to stderr
//!       ├─ readable.rs       │                  │                │     events for people
//!       └───── json.rs ──────┴──────────────────┴────────────────┤     events for programs
//!       └──────────────── stdout.rs ─────────────────────────────┘     which may be closed at any time
//! ```
//!
//! `sse hub` is the feature `hub`, and what it does with NATS the feature `nats`; both are on by default.
//!
//! With the feature `jemalloc`, memory that a crowd of subscribers has needed is given back behind it.
//!
//! Exit codes: 0 when it ended as asked, 1 when it did not, 2 for a command line that makes no sense.

mod decode;
mod encode;
mod get;
#[cfg(feature = "hub")]
mod hub;
mod input;
mod json;
mod notice;
mod publish;
mod raw;
mod readable;
mod request;
mod seconds;
mod stdout;
mod transport;
mod url;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Watch streams of server-sent events, turn them into JSON lines and back, and fan them out.
#[derive(Parser)]
#[command(name = "sse", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Get(Box<get::Arguments>),
    /// Turn an event stream into JSON lines.
    ///
    /// Each event becomes {"type","data","lastEventId"}, each comment {"comment"} and each reconnection
    /// time {"retry"} in milliseconds, as they come. An event that is too large is told on stderr and
    /// left out; then the exit code is 1.
    Decode {
        /// The stream; stdin if there is none, or if it is "-".
        file: Option<PathBuf>,
    },
    /// Turn JSON lines into an event stream.
    ///
    /// A line is {"data"} with, if wanted, "type", "id" and "retry" in milliseconds; or {"comment"}; or
    /// {"retry"}. What `sse decode` and `sse get --json` print will do: for "lastEventId" the ID is
    /// written where it changes. The first line that is none of these ends it with exit code 1; nothing
    /// of that line is written.
    Encode {
        /// The lines; stdin if there is none, or if it is "-".
        file: Option<PathBuf>,
    },
    #[cfg(feature = "hub")]
    Hub(Box<hub::Arguments>),
    Publish(Box<publish::Arguments>),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Get(arguments) => get::run(*arguments),
        Command::Decode { file } => decode::run(file.as_deref()),
        Command::Encode { file } => encode::run(file.as_deref()),
        #[cfg(feature = "hub")]
        Command::Hub(arguments) => hub::run(*arguments),
        Command::Publish(arguments) => publish::run(*arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough.
        Err(error) if error.is::<stdout::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            notice::tell(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
