//! Lets many clients at the contract server that come, stall, leave and resume. Without flags a
//! smoke test of ten seconds.

use std::io;

use anyhow::Result;
use clap::Parser;
use load::{
    machine,
    soak::{self, Options},
};
use tokio::runtime;

/// Checks a server for as long as it takes.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How many clients at a time.
    #[arg(long, default_value_t = 200)]
    clients: u64,
    /// What decides all that is by chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<()> {
    let Arguments {
        seconds,
        clients,
        seed,
    } = Arguments::parse();
    machine::allow_files(clients + 100)?;
    let options = Options {
        seconds,
        clients,
        seed,
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(soak::run(options, &mut io::stdout()))
}
