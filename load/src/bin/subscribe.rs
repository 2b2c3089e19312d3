//! Runs many subscribers of one server.
//!
//! It reads commands from its standard input. `receive N` waits until each subscriber has N more events. `time N` also
//! reads a second line, with the times at which the events were published. `latency 99` prints the 99th percentile of
//! these latencies, in nanoseconds. The end of the input ends the process.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::io;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use load::{
    machine,
    program::number,
    samples::Latencies,
    subscribers::{StreamRequest, Subscribers},
};

/// Subscribes many times to a server on 127.0.0.1.
#[derive(Debug, Parser)]
struct Arguments {
    /// Port of the server.
    #[arg(long)]
    port: u16,
    /// Number of subscribers that read.
    #[arg(long)]
    count: usize,
    /// Number of additional subscribers that never read.
    #[arg(long, default_value_t = 0)]
    stalled: usize,
    #[command(flatten)]
    request: StreamRequest,
}

fn main() -> Result<()> {
    let Arguments {
        port,
        count,
        stalled,
        request,
    } = Arguments::parse();
    machine::raise_open_files((count + stalled) as u64 + 100)?;
    let mut subscribers = Subscribers::connect_with(&request, port, count, false)?;
    subscribers.stall(port, stalled)?;
    let mut latencies = Latencies::default();
    println!("connected {count}");
    let mut lines = io::stdin().lines();
    while let Some(line) = lines.next().transpose()? {
        let order = line.split_once(' ');
        let order = order.and_then(|(name, value)| Some((name, number(value)?)));
        match order.with_context(|| format!("unknown command {line:?}"))? {
            ("receive", events) => {
                subscribers.receive(events)?;
                println!("received {events}");
            }
            ("time", events) => {
                let arrivals = subscribers.receive_timed(events)?;
                println!("received {events}");
                let published = lines.next().context("no line with times of publishing")??;
                latencies.add(&arrivals, published.split(' ').filter_map(number))?;
            }
            ("latency", percent) => println!("latency {}", latencies.of(percent as usize)),
            (name, _) => bail!("unknown command {name:?}"),
        }
    }
    Ok(())
}
