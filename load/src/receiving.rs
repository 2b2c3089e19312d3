//! What the programs `receive-…` do, each with one library, so that none carries another's code.
//!
//! A line `receive` on the standard input has it receive one response on one thread, and say what was
//! in it; the end of the input ends it.
#![allow(clippy::print_stdout, reason = "they talk to whom started them")]

use std::io;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use testkit::timeout::test_timeout;
use tokio::{runtime, time::timeout};

use crate::{machine, tally::Tally};

/// Receives a stream.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where it is.
    #[arg(long)]
    uri: String,
    /// The core that it stays on.
    #[arg(long)]
    core: Option<usize>,
}

/// Receives whenever it is told to.
///
/// # Errors
///
/// If a response does not come, or does not end.
pub fn run(receive: impl AsyncFn(&str, &mut Tally) -> Result<()>) -> Result<()> {
    let Arguments { uri, core } = Arguments::parse();
    machine::stay_on(core)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    println!("ready 1");
    for line in io::stdin().lines() {
        let line = line?;
        ensure!(line == "receive", "cannot make sense of {line:?}");
        let mut tally = Tally::default();
        let received = runtime.block_on(async {
            let limit = test_timeout();
            let received = timeout(limit, receive(&uri, &mut tally)).await;
            received.with_context(|| format!("no end after {limit:?}"))
        });
        received??;
        println!("events {}", tally.events);
        println!("bytes {}", tally.bytes);
        println!("checksum {}", tally.checksum);
    }
    Ok(())
}
