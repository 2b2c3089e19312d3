//! Kills and restarts `sse hub --store` while many publishers and subscribers use it. Without options, it is a smoke test
//! of some seconds.

use std::io;

use anyhow::Result;
use clap::Parser;
use load::{
    machine,
    process::built,
    store_kills::{self, Options},
};

/// Checks that no acknowledged event is lost when the hub is killed.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { options } = Arguments::parse();
    machine::raise_open_files((options.publishers + options.subscribers) as u64 + 100)?;
    let sse = built(&["--package", "sse-cli", "--bin", "sse"])?.join("sse");
    store_kills::run(&sse, options, &mut io::stdout()).await
}
