//! Prints the tables of one feed for many.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Result;
use clap::Parser;
use load::{
    hub::{growth, latency, paced::Pace, report, stalls},
    machine,
    measure::{self, Plan},
    place, process,
    servers::Library,
};

/// How long the events are that fill the sockets of who does not read.
const LENGTHS: [u64; 2] = [100, 1000];

/// How many of those subscribers do not read: one of this many.
const STALLED: usize = 10;

/// The time from one event to the next beside those: some half of what servers manage.
const INTERVAL: Duration = Duration::from_micros(6667);

/// Measures servers that send one feed to many, beside each other, and prints Markdown.
#[derive(Debug, Parser)]
struct Arguments {
    /// Two minutes instead of twelve, less exact.
    #[arg(long, conflicts_with = "smoke")]
    quick: bool,
    /// Some seconds with few subscribers: only to see that everything runs.
    #[arg(long)]
    smoke: bool,
    /// Only these servers.
    #[arg(long)]
    only: Vec<Library>,
}

/// How thoroughly is measured.
struct Effort {
    /// How many subscribe where servers are compared.
    subscribers: usize,
    /// How long servers take turns, and how long a turn is.
    time: Duration,
    turn: Duration,
    /// How often the latency is measured, and for how long.
    turns: usize,
    paced: Duration,
    /// How many subscribe where there are more and more.
    growth: &'static [usize],
    /// How many subscribe where some do not read, and for how long.
    stalls: usize,
    stalled: Duration,
}

impl Arguments {
    fn effort(&self) -> Effort {
        let turn = Duration::from_millis(500);
        let seconds = Duration::from_secs;
        if self.smoke {
            Effort {
                subscribers: 100,
                time: turn,
                turn: turn / 20,
                turns: 1,
                paced: turn / 5,
                growth: &[100, 200],
                stalls: 100,
                stalled: turn,
            }
        } else if self.quick {
            Effort {
                subscribers: 10_000,
                time: seconds(15),
                turn,
                turns: 1,
                paced: seconds(5),
                growth: &[1_000, 10_000],
                stalls: 1000,
                stalled: seconds(5),
            }
        } else {
            Effort {
                subscribers: 10_000,
                time: seconds(80),
                turn,
                turns: 3,
                paced: seconds(10),
                growth: &[1_000, 10_000, 100_000],
                stalls: 1000,
                stalled: seconds(20),
            }
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let effort = arguments.effort();
    let most = effort.growth.iter().copied().fold(0, usize::max);
    machine::allow_files(most as u64 + 100)?;
    let facts = place::facts();
    let programs = process::built(&["--package", "load", "--bins"])?;
    let cores = machine::two_cores()?;
    if let Some([_, core]) = cores {
        machine::stay_on(core)?;
    }
    let is_wanted = |it: &Library| arguments.only.is_empty() || arguments.only.contains(it);
    let chosen = |libraries: &[Library]| -> Vec<Library> {
        libraries.iter().copied().filter(is_wanted).collect()
    };
    let [axum, actix, nchan] = Library::PEERS;
    let libraries = chosen(&[Library::HUB, axum, actix, nchan, Library::BOUND]);
    let plan = Plan {
        libraries: &libraries,
        programs: &programs,
        core: cores.map(|[core, _]| core),
        subscribers: effort.subscribers,
        time: effort.time,
        turn: effort.turn,
    };

    let mut out = io::stdout();
    writeln!(out, "{facts}")?;
    match cores {
        Some(_) => writeln!(out, "Server and clients on a core each.\n")?,
        None => writeln!(out, "Server and clients share the only core.\n")?,
    }
    let readings = measure::all(&plan)?;
    writeln!(out, "{}", report::readings(plan.subscribers, &readings))?;

    let mut pace = Pace {
        programs: &programs,
        core: plan.core,
        readers: plan.subscribers,
        stalled: 0,
        length: LENGTHS[0],
        interval: INTERVAL,
        time: effort.paced,
    };
    if let Some(interval) = latency::interval(&readings, pace.readers) {
        pace.interval = interval;
        let latency = latency::all(&pace, &readings, effort.turns)?;
        writeln!(out, "{}", report::latency(pace.readers, &latency))?;
    }

    if is_wanted(&Library::HUB) {
        let plan = Plan {
            libraries: &[Library::HUB],
            ..plan
        };
        let growths = growth::all(&plan, effort.growth, effort.turn * 10)?;
        writeln!(out, "{}", report::growth(Library::HUB, &growths))?;
    }

    pace = Pace {
        readers: effort.stalls - effort.stalls / STALLED,
        stalled: effort.stalls / STALLED,
        interval: INTERVAL,
        time: effort.stalled,
        ..pace
    };
    let libraries = chosen(&[Library::HUB, axum, actix]);
    let stalls = stalls::all(&pace, &libraries, &LENGTHS, 1)?;
    writeln!(out, "{}", report::stalls(&stalls))?;
    Ok(())
}
