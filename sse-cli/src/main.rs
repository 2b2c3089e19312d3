//! The command `sse`: reads event streams, converts them to and from JSON lines, and serves them.
//!
//! # Map
//!
//! ```text
//!   sse get URL          sse decode         sse encode        sse hub          sse publish URL
//!       │                    │                  │                │                   │
//!    get.rs              decode.rs          encode.rs          hub.rs            publish.rs
//!       │                    │                  │              (has its own map)     │
//!       ├─ request.rs, parse.rs ─────────────────────────────────┼───────────────────┤     options of the request and of the connection
//!       ├─ raw.rs            │                  │                │     bytes of the stream, not decoded
//!       ├─ stderr.rs         │                  │                │     lines on stderr
//!       ├─ text_format.rs    │                  │                │     events as text for people
//!       └───── json.rs ──────┴──────────────────┴────────────────┤     events for programs
//!       └──────────────── stdout.rs ─────────────────────────────┘     the reader may close it at any time
//! ```
//!
//! The feature `hub` is `sse hub`, and the feature `nats` is its connection to NATS. Both are on by default.
//!
//! The feature `jemalloc` returns memory to the system soon after many subscribers have disconnected.
//!
//! Exit codes: 0 for success, 1 for a failure, 2 for an invalid command line or configuration file.

mod decode;
mod encode;
mod get;
#[cfg(feature = "hub")]
mod hub;
mod input;
mod json;
mod parse;
mod publish;
mod raw;
mod request;
mod stderr;
mod stdout;
mod text_format;

use std::{path::PathBuf, process::ExitCode};

#[cfg(feature = "hub")]
use clap::CommandFactory as _;
use clap::{Parser, Subcommand};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Read server-sent events, convert them to and from JSON lines, and serve them to many subscribers.
#[derive(Parser)]
#[command(name = "sse", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Get(Box<get::Arguments>),
    /// Convert an event stream to JSON lines.
    ///
    /// Each event becomes {"type","data","lastEventId"}, each comment {"comment"} and each reconnection
    /// time {"retry"} in milliseconds, in the order of the stream. An event that is too large is skipped
    /// and reported on stderr; the exit code is then 1.
    Decode {
        /// File with the stream; stdin by default, or if it is "-".
        file: Option<PathBuf>,
    },
    /// Convert JSON lines to an event stream.
    ///
    /// A line is {"data"}, optionally with "type", "id" and "retry" in milliseconds; or {"comment"}; or
    /// {"retry"}. The output of `sse decode` and `sse get --json` is valid input: a "lastEventId" is
    /// written as the ID where it changes. The first line that has another form ends the command with
    /// exit code 1; nothing of that line is written.
    Encode {
        /// File with the lines; stdin by default, or if it is "-".
        file: Option<PathBuf>,
    },
    #[cfg(feature = "hub")]
    Hub(Box<hub::Arguments>),
    Publish(Box<publish::Arguments>),
}

fn main() -> ExitCode {
    let arguments = parse_arguments().unwrap_or_else(|error| error.exit());
    let result = match arguments.command {
        Command::Get(arguments) => get::run(*arguments),
        Command::Decode { file } => decode::run(file.as_deref()),
        Command::Encode { file } => encode::run(file.as_deref()),
        #[cfg(feature = "hub")]
        Command::Hub(arguments) => hub::run(*arguments),
        Command::Publish(arguments) => publish::run(*arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of stdout wants no more, as `| head -1` does.
        Err(error) if error.is::<stdout::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            stderr::line(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Parses the command line, with the configuration file of `sse hub`.
fn parse_arguments() -> Result<Arguments, clap::Error> {
    #[cfg(feature = "hub")]
    {
        let arguments = std::env::args_os().collect();
        let arguments = hub::config_file::add_options(Arguments::command(), arguments)?;
        Arguments::try_parse_from(arguments)
    }
    #[cfg(not(feature = "hub"))]
    Arguments::try_parse()
}
