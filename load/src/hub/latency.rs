//! Latencies of each server at the same rate: half of the rate that the slowest library reaches.
//!
//! The servers take turns. Only one of them runs at a time, because the keep-alives of the others would disturb it.
//! Each result is the median of all turns, because another process may use the core in one of them.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::paced::{self, Pace, Paced};
use crate::{measure::Reading, samples, servers::Library};

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
    let programs = readings.iter().filter(|it| is_library(it.0));
    let slowest = programs
        .map(|it| it.1.singles.rate())
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
pub fn all(pace: &Pace<'_>, readings: &[(Library, Reading)], turns: usize) -> Result<Latency> {
    let rate = pace.readers as f64 / pace.interval.as_secs_f64();
    let able = readings.iter().filter(|it| it.1.singles.rate() > rate);
    let libraries: Vec<Library> = able.map(|it| it.0).collect();
    let mut runs: Vec<Vec<Paced>> = vec![Vec::new(); libraries.len()];
    for _ in 0..turns {
        for (library, runs) in libraries.iter().zip(&mut runs) {
            let run = paced::run(pace, *library);
            runs.push(run.with_context(|| format!("latency of {library}"))?);
        }
    }
    let servers = libraries.into_iter().zip(runs).map(|(library, runs)| {
        let [median, tail] = [|it: &Paced| it.median, |it: &Paced| it.tail]
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
