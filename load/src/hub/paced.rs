//! Publishes events at a steady rate, and measures their latencies.
//!
//! A latency begins when this process sends the command to publish, by the clock of the machine. The server may read the
//! order later, so a server that is busy with an earlier event has a longer latency. It ends when the subscriber has
//! read the event. Neither time depends on the kind of server.
//!
//! [`latencies`] compares the servers at the same rate: half of the rate that the slowest library reaches. They take
//! turns. Only one of them runs at a time, because the keep-alives of the others would disturb it. Each result is the
//! median of all turns, because another process may use the core in one of them.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::{
    machine, measure::Reading, samples, server::Server, servers::Library,
    subscriber_process::SubscriberProcess, subscribers::Subscribers,
};

/// Idle time of a server before a measurement.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// Number of events before the measurement, for which the server allocates its buffers.
const WARM_UP_EVENTS: u64 = 3;

/// Parameters of a run.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// Folder of the programs `serve` and `subscribe`.
    pub programs: &'a Path,
    /// Core of the server, if it has one.
    pub core: Option<usize>,
    /// Number of subscribers that read.
    pub readers: usize,
    /// Number of subscribers that do not read.
    pub stalled: usize,
    /// Length of an event in bytes.
    pub length: u64,
    /// Time between two events.
    pub interval: Duration,
    /// Duration of the run.
    pub time: Duration,
}

/// Results of a run.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    /// Median of the latencies.
    pub median: Duration,
    /// 99th percentile of the latencies.
    pub tail: Duration,
    /// Number of events that each reader received. It is an error if a reader does not receive all.
    pub events: u64,
    /// Memory of the server with all subscribers, before the first event, in bytes.
    pub idle: u64,
    /// Peak of the memory of the server up to the last event, in bytes.
    pub peak: u64,
}

/// Starts a server, publishes events at the steady rate, and ends the server.
///
/// # Errors
///
/// Returns an error if a reader does not get each event once.
pub fn run(pace: &Pace<'_>, library: Library) -> Result<Paced> {
    let mut server = Server::start(&pace.programs.join("serve"), library, pace.core)?;
    // The first connection allocates the memory that all connections share.
    drop(Subscribers::connect(server.port(), 1, false)?);
    let path = pace.programs.join("subscribe");
    let mut subscribers =
        SubscriberProcess::connect_with_stalled(&path, server.port(), pace.readers, pace.stalled)?;
    thread::sleep(SETTLE_TIME);
    let idle = server.memory()?.now;
    for _ in 0..WARM_UP_EVENTS {
        subscribers.expect(1)?;
        server.publish_long(pace.length)?;
        subscribers.have_received()?;
    }
    let events = pace.time.div_duration_f64(pace.interval).ceil() as u64;
    subscribers.expect_timed(events)?;
    let start = Instant::now();
    let mut times = Vec::new();
    for number in 0..events {
        let due = pace.interval.mul_f64(number as f64);
        thread::sleep(due.saturating_sub(start.elapsed()));
        times.push(machine::nanoseconds());
        server.publish_long(pace.length)?;
    }
    subscribers.have_received()?;
    subscribers.were_published(&times)?;
    let paced = Paced {
        median: subscribers.latency(50)?,
        tail: subscribers.latency(99)?,
        events,
        idle,
        peak: server.memory()?.peak,
    };
    if pace.stalled == 0 {
        server.has_missed_nothing()?;
    }
    server.process().check_health()?;
    Ok(paced)
}

/// Results at one rate.
#[derive(Clone, Debug)]
pub struct Latency {
    /// Time between two events.
    pub interval: Duration,
    /// Median and 99th percentile of the latencies of each server.
    pub servers: Vec<(Library, Duration, Duration)>,
}

/// Returns the time between two events, from the rates that the servers reached one by one.
pub fn interval(readings: &[(Library, Reading)], subscribers: usize) -> Option<Duration> {
    let programs = readings.iter().filter(|reading| is_library(reading.0));
    let slowest = programs
        .map(|reading| reading.1.singles.rate())
        .min_by(f64::total_cmp)?;
    Some(Duration::from_secs_f64(
        subscribers as f64 / (slowest / 2.0),
    ))
}

/// Measures the servers that can reach this rate.
///
/// # Errors
///
/// Returns an error if a server fails, or sends too few or too many events.
pub fn latencies(
    pace: &Pace<'_>,
    readings: &[(Library, Reading)],
    turns: usize,
) -> Result<Latency> {
    let rate = pace.readers as f64 / pace.interval.as_secs_f64();
    let able = readings
        .iter()
        .filter(|reading| reading.1.singles.rate() > rate);
    let libraries: Vec<Library> = able.map(|reading| reading.0).collect();
    let mut runs: Vec<Vec<Paced>> = vec![Vec::new(); libraries.len()];
    for _ in 0..turns {
        for (library, runs) in libraries.iter().zip(&mut runs) {
            let run = run(pace, *library);
            runs.push(run.with_context(|| format!("latency of {library}"))?);
        }
    }
    let servers = libraries.into_iter().zip(runs).map(|(library, runs)| {
        let [median, tail] = [|run: &Paced| run.median, |run: &Paced| run.tail]
            .map(|of| samples::median(runs.iter().map(of)));
        (library, median, tail)
    });
    Ok(Latency {
        interval: pace.interval,
        servers: servers.collect(),
    })
}

/// Returns true for a library, but not for nchan, which is a separate server, and not for the bound.
fn is_library(library: Library) -> bool {
    ![Library::Nchan, Library::BOUND].contains(&library)
}
