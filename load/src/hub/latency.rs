//! How evenly each server serves, where all have the same to do: half of what the slowest of those
//! that could be a library of a program manages.
//!
//! Each is alone on the machine meanwhile, for the keep-alives of the others would be in the way, and
//! they take turns. Of a server's turns the median counts, of each figure: in one of them somebody else
//! may have had the core.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::paced::{self, Pace, Paced};
use crate::{measure::Reading, samples, servers::Library};

/// What was measured at which rate.
#[derive(Clone, Debug)]
pub struct Latency {
    /// The time from one event to the next.
    pub interval: Duration,
    /// What half of all deliveries took at most, and 99 of 100.
    pub servers: Vec<(Library, Duration, Duration)>,
}

/// The time from one event to the next, by what servers reached one by one with this many subscribers.
pub fn interval(readings: &[(Library, Reading)], subscribers: usize) -> Option<Duration> {
    let programs = readings.iter().filter(|it| is_library(it.0));
    let slowest = programs
        .map(|it| it.1.singles.rate())
        .min_by(f64::total_cmp)?;
    Some(Duration::from_secs_f64(
        subscribers as f64 / (slowest / 2.0),
    ))
}

/// Measures those that manage this rate, in so many turns.
///
/// # Errors
///
/// If a server fails, or serves too little or too much.
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

/// nchan is a server of its own, and the bound is none.
fn is_library(library: Library) -> bool {
    ![Library::Nchan, Library::BOUND].contains(&library)
}
