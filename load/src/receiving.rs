//! Main function of the programs `receive-…`. Each library has its own program, so that no program contains the code
//! of another library.
//!
//! For a line `receive` on its standard input, a program receives one response on one thread and prints its tally. It
//! ends at the end of the input.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::io;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use testkit::timeout::test_timeout;
use tokio::{runtime, time::timeout};

use crate::{machine, tally::Tally};

/// Receives a stream.
#[derive(Debug, Parser)]
struct Arguments {
    /// URI of the stream.
    #[arg(long)]
    uri: String,
    /// Core of the client.
    #[arg(long)]
    core: Option<usize>,
}

/// Receives one response for each line of the standard input.
///
/// # Errors
///
/// Returns an error if there is no response, or if it does not end.
pub fn run(receive: impl AsyncFn(&str, &mut Tally) -> Result<()>) -> Result<()> {
    let Arguments { uri, core } = Arguments::parse();
    machine::stay_on(core)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    println!("ready 1");
    for line in io::stdin().lines() {
        let line = line?;
        ensure!(line == "receive", "unknown order {line:?}");
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
