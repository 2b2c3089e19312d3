//! Serves the demo page on 127.0.0.1. `cargo xtask demo` builds the page and runs this.
#![allow(clippy::print_stdout, reason = "prints its URL")]

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use web::{Demo, Journal, exit_code, listen, publish_feeds};

/// Serves the demo page on 127.0.0.1.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 selects a free port.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder of the built page.
    #[arg(long)]
    page: PathBuf,
    /// File that stores the last few minutes of events, so that a restart loses no events.
    #[arg(long)]
    journal: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(serve(Arguments::parse()).await)
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    // The port is opened first: the process that owns the port also owns the journal.
    let listener = listen(arguments.port).await?;
    let (journal, hub) = Journal::open(&arguments.journal)
        .await
        .with_context(|| format!("cannot open the journal {}", arguments.journal.display()))?;
    println!("http://{}/", listener.local_addr()?);

    let demo = Demo::new(hub.clone(), arguments.page);
    tokio::select! {
        result = publish_feeds(&hub, journal) => result.context("cannot publish the feeds"),
        never = demo.serve(listener) => match never {},
    }
}
