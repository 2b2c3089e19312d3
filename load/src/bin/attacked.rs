//! Client that is attacked. It waits for a line on its standard input, then reads an event stream for a limited time.
//! It prints `items N` and `turn MICROSECONDS`, and ends at the end of its input.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::{io, time::Duration};

use anyhow::Result;
use clap::Parser;
use load::attack::client::{Report, read};

/// Reads an event stream for a limited time.
#[derive(Debug, Parser)]
struct Arguments {
    /// URL of the stream.
    #[arg(long)]
    url: String,
    /// Time for reading, in milliseconds.
    #[arg(long)]
    milliseconds: u64,
}

fn main() -> Result<()> {
    let Arguments { url, milliseconds } = Arguments::parse();
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let Report {
        items,
        longest_turn,
    } = read(&url, Duration::from_millis(milliseconds))?;
    println!("items {items}\nturn {}", longest_turn.as_micros());
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
