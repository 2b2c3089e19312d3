//! Events that are published at a steady rate, and how long each takes to arrive everywhere.
//!
//! A latency begins when whoever orders the event gives the order, by the clock of the machine: before
//! the server has read it, so a server that is busy with the event before gets no time for nothing.
//! It ends when the subscriber has read the event. Neither end depends on what the server is.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{crowd::Crowd, machine, server::Server, servers::Library, subscribers::Subscribers};

/// How long a server is left alone before anything is measured.
const REST: Duration = Duration::from_millis(500);

/// How many events go before those that count. They make buffers.
const BEFORE: u64 = 3;

/// Who is served what, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// The folder of the programs `serve` and `subscribe`.
    pub programs: &'a Path,
    /// The core of the server, if it has one.
    pub core: Option<usize>,
    /// How many subscribe and read.
    pub readers: usize,
    /// How many subscribe and do not.
    pub stalled: usize,
    /// How long an event is.
    pub length: u64,
    /// The time from one event to the next.
    pub interval: Duration,
    /// For how long there are events.
    pub time: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    /// What half of all deliveries took at most.
    pub median: Duration,
    /// What 99 of 100 took at most.
    pub tail: Duration,
    /// How many events each reader has received: all, or it is an error.
    pub events: u64,
    /// The server's memory with all subscribers, before the first event, in bytes.
    pub idle: u64,
    /// The most that it ever had, to the last event.
    pub peak: u64,
}

/// Starts a server, has it publish, and ends it.
///
/// # Errors
///
/// If a reader does not get each event once.
pub fn run(pace: &Pace<'_>, library: Library) -> Result<Paced> {
    let mut server = Server::start(&pace.programs.join("serve"), library, pace.core)?;
    // The first connection makes what all of them share.
    drop(Subscribers::connect(server.port(), 1, false)?);
    let path = pace.programs.join("subscribe");
    let mut crowd = Crowd::connect_with_stalled(&path, server.port(), pace.readers, pace.stalled)?;
    thread::sleep(REST);
    let idle = server.memory()?.now;
    for _ in 0..BEFORE {
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
