//! Serves numbered events in small writes, until it is killed.

use anyhow::Result;
use clap::Parser;
use load::restarts::kill_target::{self, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    kill_target::serve(Options::parse()).await
}
