//! Many subscribers of one server.
//!
//! A line `receive N` on the standard input waits until each has N events more. `time N` does the same,
//! and is followed by a line with the times at which these were published. Then `latency 99` asks for
//! what 99 % of all deliveries took at most, in nanoseconds. The end of the input ends it.
#![allow(clippy::print_stdout, reason = "it talks to whom started it")]

use std::io;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use load::{latencies::Latencies, machine, number::number, subscribers::Subscribers};

/// Subscribes to a server on 127.0.0.1, many times.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server's port.
    #[arg(long)]
    port: u16,
    /// How often.
    #[arg(long)]
    count: usize,
    /// How often besides, without ever reading.
    #[arg(long, default_value_t = 0)]
    stalled: usize,
}

fn main() -> Result<()> {
    let Arguments {
        port,
        count,
        stalled,
    } = Arguments::parse();
    machine::allow_files((count + stalled) as u64 + 100)?;
    let mut subscribers = Subscribers::connect(port, count, false)?;
    subscribers.stall(port, stalled)?;
    let mut latencies = Latencies::default();
    println!("connected {count}");
    let mut lines = io::stdin().lines();
    while let Some(line) = lines.next().transpose()? {
        let order = line.split_once(' ');
        let order = order.and_then(|(name, value)| Some((name, number(value)?)));
        match order.with_context(|| format!("cannot make sense of {line:?}"))? {
            ("receive", events) => {
                subscribers.receive(events)?;
                println!("received {events}");
            }
            ("time", events) => {
                let arrivals = subscribers.receive_timed(events)?;
                println!("received {events}");
                let published = lines.next().context("when were they published?")??;
                latencies.add(&arrivals, published.split(' ').filter_map(number))?;
            }
            ("latency", percent) => println!("latency {}", latencies.of(percent as usize)),
            (name, _) => bail!("cannot {name}"),
        }
    }
    Ok(())
}
