//! Serves numbered events, bit by bit, until it is killed.

use anyhow::Result;
use clap::Parser;
use load::restarts::mortal::{self, Options};
use tokio::runtime;

/// Serves numbered events on 127.0.0.1.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port.
    #[arg(long)]
    port: u16,
    /// The number of the last event.
    #[arg(long)]
    events: u64,
    /// What decides all that is by chance.
    #[arg(long)]
    seed: u64,
}

fn main() -> Result<()> {
    let Arguments { port, events, seed } = Arguments::parse();
    let options = Options { port, events, seed };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(mortal::serve(options))
}
