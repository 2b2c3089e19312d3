//! Serves numbered events, bit by bit, until it is killed.

use anyhow::Result;
use clap::Parser;
use load::restarts::mortal::{self, Options};

/// Serves numbered events on 127.0.0.1.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    mortal::serve(Arguments::parse().options).await
}
