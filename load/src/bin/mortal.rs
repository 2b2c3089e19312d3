//! Serves numbered events in small writes, until it is killed.

use anyhow::Result;
use clap::Parser;
use load::restarts::mortal::{self, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    mortal::serve(Options::parse()).await
}
