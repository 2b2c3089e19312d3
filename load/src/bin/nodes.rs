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

/// Checks that no client loses an event when nodes and NATS are killed.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// The command `sse`, if there is one already. Else it is built, optimised.
    #[arg(long)]
    sse: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { options, sse } = Arguments::parse();
    machine::allow_files(options.clients as u64 + 100)?;
    let sse = match sse {
        Some(sse) => sse,
        None => built(&["--package", "sse-cli", "--bin", "sse"])?.join("sse"),
    };
    nodes::run(&sse, options, &mut io::stdout()).await
}
