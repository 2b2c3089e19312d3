//! How fast subscribers are served, and what they cost.
//!
//! A burst of events is published at once, and the next one when all of it has arrived everywhere.
//! So the server never queues more than one burst, nobody lags, and a burst costs what the server
//! needs to wake each subscriber, build its events, write them and wait again. The server has one
//! thread and a core for it; the clients have another core.
//!
//! What counts is the time that the server's threads have run, as the kernel accounts it, with what
//! the kernel did for them: an event's share of a core. (One thread does all the work; what others
//! do, such as reading who is to publish what, counts too, and is next to nothing.) The clock would count as well who else uses
//! the core, which on a shared machine doubles a figure or halves it. Where nobody does, the two are
//! the same, as the column "ran" shows: the server has something to do nearly all of the time.
//!
//! Each sample is one burst. All servers are there at the same time, with all their subscribers, and
//! take turns: a machine that others use too is half as fast in one second as in the next, and so
//! that hits each of them. The first burst of a turn does not count, for it finds the caches full of
//! another server's connections. Of all samples of a library the one counts that a fifth are faster
//! than: interruptions only ever add time.

use std::{
    mem,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::{
    crowd::Crowd,
    samples::Samples,
    server::{Allocator, Server},
    servers::Library,
    subscribers::Subscribers,
};

/// How many events a long burst has.
pub const BURST: u64 = 16;

/// How long a server is left alone before its memory is read.
const REST: Duration = Duration::from_millis(500);

/// How long a server's memory has to stay the same before it counts as what it keeps.
const LEAVING: Duration = Duration::from_secs(3);

/// Who is measured, and how thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Who takes part.
    pub libraries: &'a [Library],
    /// The folder of the programs `serve` and `subscribe`.
    pub programs: &'a Path,
    /// Where the servers' memory comes from.
    pub allocator: Allocator,
    /// The core of the server, if it has one.
    pub core: Option<usize>,
    /// How many subscribe.
    pub subscribers: usize,
    /// How long the libraries take turns.
    pub time: Duration,
    /// How long a turn with bursts of a length is.
    pub turn: Duration,
}

/// What was measured of a library.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// In bursts of [`BURST`].
    pub bursts: Samples,
    /// One event at a time.
    pub singles: Samples,
    /// The memory of a connection that had no event yet, in bytes.
    pub idle: f64,
    /// The same behind all events.
    pub used: f64,
}

/// Measures the libraries in turns.
///
/// # Errors
///
/// If a server fails, or serves too little or too much.
pub fn all(plan: &Plan<'_>) -> Result<Vec<(Library, Reading)>> {
    let mut contenders = Vec::new();
    for library in plan.libraries {
        let contender = Contender::start(plan, *library);
        contenders.push(contender.with_context(|| format!("starting {library}"))?);
    }
    let start = Instant::now();
    while start.elapsed() < plan.time {
        for contender in &mut contenders {
            let turn = contender.turn(plan.turn);
            turn.with_context(|| format!("measuring {}", contender.library))?;
        }
    }
    let readings = contenders.into_iter().map(|it| {
        let library = it.library;
        let reading = it.finish().with_context(|| format!("measuring {library}"));
        Ok((library, reading?))
    });
    readings.collect()
}

/// A server with all its subscribers.
#[derive(Debug)]
pub(crate) struct Contender {
    library: Library,
    server: Server,
    crowd: Crowd,
    /// The server's memory before they came.
    empty: u64,
    reading: Reading,
}

/// A server's memory before its subscribers came, with them, and when they had left, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// Before.
    pub empty: u64,
    /// With all of them, behind all events.
    pub full: u64,
    /// Afterwards.
    pub left: u64,
}

impl Contender {
    pub(crate) fn start(plan: &Plan<'_>, library: Library) -> Result<Self> {
        let server = Server::start_with(plan.allocator, plan.programs, library, plan.core)?;
        // The first connection makes what all of them share.
        drop(Subscribers::connect(server.port(), 1, false)?);
        thread::sleep(REST);
        let crowd = plan.programs.join("subscribe");
        let mut contender = Self {
            library,
            empty: server.memory()?.now,
            crowd: Crowd::connect(&crowd, server.port(), plan.subscribers)?,
            server,
            reading: Reading::default(),
        };
        contender.reading.idle = contender.memory()?;
        // The first burst makes buffers.
        contender.burst(BURST)?;
        Ok(contender)
    }

    pub(crate) fn turn(&mut self, time: Duration) -> Result<()> {
        let bursts = self.bursts(BURST, time)?;
        self.reading.bursts.append(bursts);
        let singles = self.bursts(1, time)?;
        self.reading.singles.append(singles);
        Ok(())
    }

    fn finish(mut self) -> Result<Reading> {
        self.is_right()?;
        Ok(self.reading)
    }

    /// Lets all subscribers leave, and looks at what the server keeps once that does not change.
    pub(crate) fn leave(mut self) -> Result<(Reading, Left)> {
        self.is_right()?;
        let Self {
            server,
            crowd,
            empty,
            reading,
            ..
        } = self;
        let full = server.memory()?.now;
        drop(crowd);
        let mut left = full;
        loop {
            thread::sleep(LEAVING);
            let before = mem::replace(&mut left, server.memory()?.now);
            if left == before {
                break;
            }
        }
        Ok((reading, Left { empty, full, left }))
    }

    fn is_right(&mut self) -> Result<()> {
        self.reading.used = self.memory()?;
        self.server.has_missed_nothing()?;
        self.server.process().is_well()
    }

    /// Bytes of the server for each subscriber.
    fn memory(&mut self) -> Result<f64> {
        thread::sleep(REST);
        let memory = self.server.memory()?.now as f64 - self.empty as f64;
        Ok(memory / self.crowd.count() as f64)
    }

    fn bursts(&mut self, length: u64, time: Duration) -> Result<Samples> {
        let events = (length * self.crowd.count() as u64) as f64;
        let mut bursts = Samples::default();
        self.burst(length)?;
        let start = Instant::now();
        while start.elapsed() < time {
            let (start, before) = (Instant::now(), self.server.ran()?);
            self.burst(length)?;
            let ran = self.server.ran()? - before;
            bursts.add(events, ran, start.elapsed());
        }
        Ok(bursts)
    }

    fn burst(&mut self, length: u64) -> Result<()> {
        self.crowd.expect(length)?;
        self.server.publish(length)?;
        self.crowd.have_received()
    }
}
