//! Measures the fan-out of one feed, and prints the tables.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Result;
use clap::Parser;
use load::{
    hub::{
        compressed,
        growth::{self, Holder},
        idle,
        paced::{self, Pace},
        report, stalls,
    },
    machine::{self, Cores},
    measure::{self, Plan},
    options::{Effort, RunOptions},
    place, process,
    server::Allocator,
    servers::Library,
};

/// Lengths in bytes of the events that are sent to stalled subscribers.
const EVENT_LENGTHS: [u64; 2] = [100, 1000];

/// One of this number of subscribers is stalled.
const STALLED_RATIO: usize = 10;

/// Time between two events with stalled subscribers, about twice the time that servers need.
const EVENT_INTERVAL: Duration = Duration::from_micros(6667);

/// Number of events of compressed streams.
const EVENTS: usize = 20;

/// Maximum number of open files of a program that are not connections.
const OTHER_FILES: usize = 100;

/// Compares servers that send one feed to many subscribers, and prints Markdown. It runs for a quarter of an hour, or
/// three minutes with `--quick`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    asked: RunOptions<Library>,
}

/// Numbers of subscribers and durations of all measurements.
struct Extent {
    /// Number of subscribers for the comparison of servers.
    subscribers: usize,
    /// Time for the turns of all servers.
    time: Duration,
    /// Time of one turn.
    turn: Duration,
    /// Number of turns for latencies, also with stalled subscribers.
    turns: usize,
    /// Time of one turn for latencies.
    paced: Duration,
    /// Numbers of subscribers for the measurement of growth.
    growth: &'static [usize],
    /// Numbers of subscribers in an event loop without sockets.
    in_event_loop: &'static [usize],
    /// Number of subscribers with compressed streams.
    compressed: usize,
    /// Numbers of subscribers for the memory of whole programs.
    idle: &'static [usize],
    /// Number of subscribers for the measurement with stalled ones.
    stalls: usize,
    /// Time of one turn with stalled subscribers.
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
            in_event_loop: &[10_000, 100_000, 1_000_000],
            compressed: 1_000,
            idle: &[1_000, 10_000, 19_000],
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
                in_event_loop: &[100],
                compressed: 20,
                idle: &[100],
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
            Effort::Full => whole,
        }
    }
}

fn main() -> Result<()> {
    let Arguments { asked } = Arguments::parse();
    let extent = Extent::of(asked.effort());
    let numbers: Vec<usize> = extent
        .growth
        .iter()
        .map(|number| allowed(*number))
        .collect();
    machine::raise_open_files((extent.subscribers + OTHER_FILES) as u64)?;
    let facts = place::facts();
    let programs = process::built(&["--package", "load", "--package", "sse-cli", "--bins"])?;
    let _hurry = machine::HighPriority::start();
    let cores = Cores::find()?;
    machine::pin_to_core(cores.clients)?;
    let [axum, actix, nchan] = Library::PEERS;
    let plan = Plan {
        libraries: &asked.of(&[
            Library::HUB,
            Library::HubHyper,
            axum,
            actix,
            nchan,
            Library::BOUND,
        ]),
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
        length: EVENT_LENGTHS[0],
        interval: EVENT_INTERVAL,
        time: extent.paced,
    };
    if let Some(interval) = paced::interval(&readings, pace.readers) {
        pace.interval = interval;
        let latency = paced::latencies(&pace, &readings, extent.turns)?;
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
        for (holder, numbers) in [
            (Holder::Hyper, extent.growth),
            (Holder::EventLoop, extent.in_event_loop),
        ] {
            let pipes = growth::all_in_memory(&programs, holder, numbers)?;
            writeln!(out, "{}", report::pipes(holder, &pipes))?;
        }
        let compressed = compressed::all(&programs, cores.server, extent.compressed, EVENTS)?;
        writeln!(out, "{}", report::compressed(&compressed))?;
        let numbers: Vec<_> = extent.idle.iter().map(|number| allowed(*number)).collect();
        let idle = idle::all(&programs, &numbers)?;
        writeln!(out, "{}", report::idle(&idle))?;
    }

    pace = Pace {
        readers: extent.stalls - extent.stalls / STALLED_RATIO,
        stalled: extent.stalls / STALLED_RATIO,
        interval: EVENT_INTERVAL,
        time: extent.stalled,
        ..pace
    };
    let libraries = asked.of(&[Library::HUB, axum, actix]);
    let stalls = stalls::all(&pace, &libraries, &EVENT_LENGTHS, extent.turns)?;
    writeln!(out, "{}", report::stalls(&stalls))?;
    Ok(())
}

/// Returns the number of subscribers, or less if the machine does not allow as many open files.
fn allowed(subscribers: usize) -> usize {
    if machine::raise_open_files((subscribers + OTHER_FILES) as u64).is_ok() {
        return subscribers;
    }
    let most = machine::max_open_files().saturating_sub(OTHER_FILES as u64) as usize;
    eprintln!("{most} subscribers instead of {subscribers}: too few open files (ulimit -Hn)");
    most
}
