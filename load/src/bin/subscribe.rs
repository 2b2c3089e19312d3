//! Many subscribers of one server.
//!
//! A line `receive N` on the standard input waits until each has N events more; the end of the
//! input ends it.
#![allow(clippy::print_stdout, reason = "it talks to whom started it")]

use std::io;

use anyhow::{Context as _, Result};
use clap::Parser;
use load::{machine, number::number, subscribers::Subscribers};

/// Subscribes to a server on 127.0.0.1, many times.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server's port.
    #[arg(long)]
    port: u16,
    /// How often.
    #[arg(long)]
    count: usize,
}

fn main() -> Result<()> {
    let Arguments { port, count } = Arguments::parse();
    machine::allow_files(count as u64 + 100)?;
    let mut subscribers = Subscribers::connect(port, count, false)?;
    println!("connected {count}");
    for line in io::stdin().lines() {
        let line = line?;
        let events = line.strip_prefix("receive ");
        let events = events.and_then(number);
        let events = events.with_context(|| format!("cannot make sense of {line:?}"))?;
        subscribers.receive(events)?;
        println!("received {events}");
    }
    Ok(())
}
