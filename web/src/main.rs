//! Serves the demo page on 127.0.0.1. `cargo xtask demo` builds the page and runs this.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use web::{Demo, Journal, exit_code, listen, publish_feeds};

/// The demo server.
#[derive(Parser)]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The folder of the built page.
    #[arg(long)]
    page: PathBuf,
    /// The file that keeps the last few minutes of events, so that a restart loses none.
    #[arg(long)]
    journal: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(serve(Arguments::parse()).await)
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    // First the port: who has it has the journal to itself.
    let listener = listen(arguments.port).await?;
    let (journal, hub) = Journal::open(&arguments.journal)
        .await
        .with_context(|| format!("cannot keep events in {}", arguments.journal.display()))?;
    println!("http://{}/", listener.local_addr()?);

    let demo = Demo::new(hub.clone(), arguments.page);
    tokio::select! {
        result = publish_feeds(&hub, journal) => result.context("cannot publish"),
        never = demo.serve(listener) => match never {},
    }
}
