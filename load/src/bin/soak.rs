//! Lets many clients at the contract server that come, stall, leave and resume. Without flags a
//! smoke test of ten seconds.

use std::io;

use anyhow::Result;
use clap::Parser;
use load::{
    machine,
    soak::{self, Options},
};

/// Checks a server for as long as it takes.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { options } = Arguments::parse();
    machine::allow_files(options.clients + 100)?;
    soak::run(options, &mut io::stdout()).await
}
