//! Measures the cost of the Mercure protocol, and prints the tables.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Result;
use clap::{Parser, ValueEnum};
use load::{
    machine::{self, Cores},
    mercure::{
        contender::{self, Plan},
        report,
        routing::{self, Shape},
    },
    options::{Effort, RunOptions},
    place, process,
};

/// Number of open files that are not connections.
const OTHER_FILES: usize = 100;

/// Compares `sse hub` with and without Mercure, and measures routing by patterns. It prints Markdown. It runs for four
/// minutes, or two minutes with `--quick`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    asked: RunOptions<Part>,
}

/// Part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Hubs with subscribers of one topic.
    Hubs,
    /// Routing without sockets.
    Routing,
}

/// Numbers of subscribers and durations of all measurements.
struct Extent {
    /// Numbers of subscribers of one topic.
    subscribers: &'static [usize],
    /// Time for the turns of all hubs.
    time: Duration,
    /// Time of one turn.
    turn: Duration,
    /// Number of subscribers with exact topics.
    topics: usize,
    /// Number of subscribers with URL patterns.
    patterns: usize,
    /// Number of events for each time of routing.
    events: usize,
}

impl Extent {
    fn of(effort: Effort) -> Self {
        let whole = Self {
            subscribers: &[1_000, 10_000],
            time: Duration::from_secs(75),
            turn: Duration::from_millis(500),
            topics: 100_000,
            patterns: 10_000,
            events: 2_000,
        };
        match effort {
            Effort::Smoke => Self {
                subscribers: &[50],
                time: Duration::from_millis(500),
                turn: Duration::from_millis(25),
                topics: 100,
                patterns: 100,
                events: 50,
            },
            Effort::Quick => Self {
                time: Duration::from_secs(20),
                events: 500,
                ..whole
            },
            Effort::Full => whole,
        }
    }
}

fn main() -> Result<()> {
    let Arguments { asked } = Arguments::parse();
    let extent = Extent::of(asked.effort());
    let most = extent.subscribers.iter().max().copied().unwrap_or_default();
    machine::raise_open_files((most + OTHER_FILES) as u64)?;
    let facts = place::facts();
    let programs = process::built(&["--package", "load", "--package", "sse-cli", "--bins"])?;
    let _priority = machine::HighPriority::start();
    let cores = Cores::find()?;
    machine::pin_to_core(cores.clients)?;

    let mut out = io::stdout();
    writeln!(out, "{facts}\n{cores}\n")?;
    if asked.wants(Part::Hubs) {
        for subscribers in extent.subscribers {
            let costs = contender::all(&Plan {
                programs: &programs,
                cores,
                subscribers: *subscribers,
                time: extent.time,
                turn: extent.turn,
            })?;
            writeln!(out, "{}", report::costs(&costs))?;
        }
    }
    if asked.wants(Part::Routing) {
        let mut all = Vec::new();
        for shape in Shape::ALL {
            let subscribers = match shape {
                Shape::Exact => extent.topics,
                _ => extent.patterns,
            };
            all.push(routing::measure(
                &programs,
                shape,
                subscribers,
                extent.events,
            )?);
        }
        writeln!(out, "{}", report::routing(&all))?;
    }
    Ok(())
}
