//! Moves many clients between nodes over one NATS, all of which die and come back. Without flags a smoke
//! test of some seconds.

use std::{io, path::PathBuf};

use anyhow::Result;
use clap::Parser;
use load::{
    machine,
    nodes::{self, Options},
    process::built,
};
use tokio::runtime;

/// Checks that no client loses an event when nodes and NATS are killed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many clients there are.
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// How many events each of them has to get.
    #[arg(long, default_value_t = 2_000)]
    events: u64,
    /// What decides all that is by chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The command `sse`, if there is one already. Else it is built, optimised.
    #[arg(long)]
    sse: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Arguments {
        clients,
        events,
        seed,
        sse,
    } = Arguments::parse();
    machine::allow_files(clients as u64 + 100)?;
    let options = Options {
        clients,
        events,
        seed,
    };
    let sse = match sse {
        Some(sse) => sse,
        None => built(&["--package", "sse-cli", "--bin", "sse"])?.join("sse"),
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(nodes::run(&sse, options, &mut io::stdout()))
}
