//! Moves many clients between nodes over one NATS server, while each of these servers is killed and restarted. Without
//! options, it is a smoke test of some seconds.

use std::io;

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
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { options } = Arguments::parse();
    machine::raise_open_files(options.clients as u64 + 100)?;
    let sse = built(&["--package", "sse-cli", "--bin", "sse"])?.join("sse");
    nodes::run(&sse, options, &mut io::stdout()).await
}
