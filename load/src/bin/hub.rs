//! Prints the tables of one feed for many.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Result;
use clap::Parser;
use load::{
    arguments::{Asked, Effort},
    hub::{growth, latency, paced::Pace, pipes, report, stalls},
    machine::{self, Cores},
    measure::{self, Plan},
    place, process,
    server::Allocator,
    servers::Library,
};

/// How long the events are that fill the sockets of who does not read.
const LENGTHS: [u64; 2] = [100, 1000];

/// How many of those subscribers do not read: one of this many.
const STALLED: usize = 10;

/// The time from one event to the next beside those: some half of what servers manage.
const INTERVAL: Duration = Duration::from_micros(6667);

/// How many files a program has open that are not connections, at most.
const OTHER_FILES: usize = 100;

/// Measures servers that send one feed to many, beside each other, and prints Markdown: in a quarter of
/// an hour, with `--quick` in three minutes.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    asked: Asked<Library>,
}

/// How many, and for how long.
struct Extent {
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
    /// How many subscribe where some do not read, and for how long, as often as for the latency.
    stalls: usize,
    stalled: Duration,
}

impl Extent {
    fn of(effort: Effort) -> Self {
        let turn = Duration::from_millis(500);
        let seconds = Duration::from_secs;
        let whole = Self {
            subscribers: 10_000,
            time: seconds(80),
            turn,
            turns: 3,
            paced: seconds(10),
            growth: &[1_000, 10_000, 100_000],
            stalls: 1_000,
            stalled: seconds(10),
        };
        match effort {
            Effort::Smoke => Self {
                subscribers: 100,
                time: turn,
                turn: turn / 20,
                turns: 1,
                paced: turn / 5,
                growth: &[100],
                stalls: 100,
                stalled: turn,
            },
            Effort::Quick => Self {
                time: seconds(15),
                turns: 1,
                paced: seconds(5),
                growth: &[1_000, 10_000],
                stalled: seconds(5),
                ..whole
            },
            Effort::Whole => whole,
        }
    }
}

fn main() -> Result<()> {
    let Arguments { asked } = Arguments::parse();
    let extent = Extent::of(asked.effort());
    let numbers: Vec<usize> = extent.growth.iter().map(|it| allowed(*it)).collect();
    machine::allow_files((extent.subscribers + OTHER_FILES) as u64)?;
    let facts = place::facts();
    let programs = process::built(&["--package", "load", "--bins"])?;
    let _hurry = machine::Hurry::start();
    let cores = Cores::find()?;
    machine::stay_on(cores.clients)?;
    let [axum, actix, nchan] = Library::PEERS;
    let plan = Plan {
        libraries: &asked.of(&[Library::HUB, axum, actix, nchan, Library::BOUND]),
        programs: &programs,
        allocator: Allocator::Glibc,
        core: cores.server,
        subscribers: extent.subscribers,
        time: extent.time,
        turn: extent.turn,
    };

    let mut out = io::stdout();
    writeln!(out, "{facts}\n{cores}\n")?;
    let readings = measure::all(&plan)?;
    writeln!(out, "{}", report::readings(plan.subscribers, &readings))?;

    let mut pace = Pace {
        programs: &programs,
        core: plan.core,
        readers: plan.subscribers,
        stalled: 0,
        length: LENGTHS[0],
        interval: INTERVAL,
        time: extent.paced,
    };
    if let Some(interval) = latency::interval(&readings, pace.readers) {
        pace.interval = interval;
        let latency = latency::all(&pace, &readings, extent.turns)?;
        writeln!(out, "{}", report::latency(pace.readers, &latency))?;
    }

    if asked.wants(Library::HUB) {
        let plan = Plan {
            libraries: &[Library::HUB],
            turn: extent.turn * 10,
            ..plan
        };
        let growths = growth::all(&plan, &numbers)?;
        writeln!(out, "{}", report::growth(Library::HUB, &growths))?;
        let pipes = pipes::all(&programs, extent.growth)?;
        writeln!(out, "{}", report::pipes(&pipes))?;
    }

    pace = Pace {
        readers: extent.stalls - extent.stalls / STALLED,
        stalled: extent.stalls / STALLED,
        interval: INTERVAL,
        time: extent.stalled,
        ..pace
    };
    let libraries = asked.of(&[Library::HUB, axum, actix]);
    let stalls = stalls::all(&pace, &libraries, &LENGTHS, extent.turns)?;
    writeln!(out, "{}", report::stalls(&stalls))?;
    Ok(())
}

/// So many subscribers, or as many as the machine allows: not every root may allow more files.
fn allowed(subscribers: usize) -> usize {
    if machine::allow_files((subscribers + OTHER_FILES) as u64).is_ok() {
        return subscribers;
    }
    let most = machine::most_files().saturating_sub(OTHER_FILES as u64) as usize;
    eprintln!("{most} subscribers instead of {subscribers}, for want of open files: ulimit -Hn");
    most
}
