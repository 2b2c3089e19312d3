//! Attacks `sse hub` and the client, each under a memory limit.

use std::io;

use anyhow::Result;
use clap::Parser;
use load::{
    attack::{self, Options},
    machine,
    process::built,
};

/// Maximum number of open connections of all attacks.
const MAX_CONNECTIONS: u64 = 6_000;

/// Sends hostile requests, floods and bombs to `sse hub` and to the client.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { options } = Arguments::parse();
    machine::raise_open_files(MAX_CONNECTIONS)?;
    let sse = built(&["--package", "sse-cli", "--bin", "sse"])?.join("sse");
    let attacked = built(&["--package", "load", "--bin", "attacked"])?.join("attacked");
    attack::run(&sse, &attacked, &options, &mut io::stdout()).await
}
