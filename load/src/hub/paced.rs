//! Publishes events at a steady rate, and measures their latencies.
//!
//! A latency begins when this process sends the order to publish, by the clock of the machine. The server may read the
//! order later, so a server that is busy with an earlier event has a longer latency. It ends when the subscriber has
//! read the event. Neither time depends on the kind of server.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{crowd::Crowd, machine, server::Server, servers::Library, subscribers::Subscribers};

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
    let mut crowd = Crowd::connect_with_stalled(&path, server.port(), pace.readers, pace.stalled)?;
    thread::sleep(SETTLE_TIME);
    let idle = server.memory()?.now;
    for _ in 0..WARM_UP_EVENTS {
        crowd.expect(1)?;
        server.publish_long(pace.length)?;
        crowd.have_received()?;
    }
    let events = pace.time.div_duration_f64(pace.interval).ceil() as u64;
    crowd.expect_timed(events)?;
    let start = Instant::now();
    let mut times = Vec::new();
    for number in 0..events {
        let due = pace.interval.mul_f64(number as f64);
        thread::sleep(due.saturating_sub(start.elapsed()));
        times.push(machine::nanoseconds());
        server.publish_long(pace.length)?;
    }
    crowd.have_received()?;
    crowd.were_published(&times)?;
    let paced = Paced {
        median: crowd.latency(50)?,
        tail: crowd.latency(99)?,
        events,
        idle,
        peak: server.memory()?.peak,
    };
    if pace.stalled == 0 {
        server.has_missed_nothing()?;
    }
    server.process().is_well()?;
    Ok(paced)
}
