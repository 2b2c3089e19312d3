//! Kills a server and starts it again while a client reads from it. Without flags a smoke test of some
//! seconds.

use std::io;

use anyhow::Result;
use clap::Parser;
use load::{
    process::built,
    restarts::{self, Options},
};
use tokio::runtime;

/// Checks that the client loses nothing when its server is killed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often the server is killed.
    #[arg(long, default_value_t = 10)]
    restarts: usize,
    /// How many events there are.
    #[arg(long, default_value_t = 5_000)]
    events: u64,
    /// By HTTP/2.
    #[arg(long)]
    http2: bool,
    /// What decides all that is by chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<()> {
    let Arguments {
        restarts,
        events,
        http2,
        seed,
    } = Arguments::parse();
    let options = Options {
        restarts,
        events,
        http2,
        seed,
    };
    let server = built(&["--package", "load", "--bin", "mortal"])?.join("mortal");
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(restarts::run(&server, options, &mut io::stdout()))
}
