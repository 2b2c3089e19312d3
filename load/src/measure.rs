//! Measures how fast servers send events to their subscribers, and the memory of a connection.
//!
//! A burst of events is published at once, and the next one after all subscribers have received it. So the server
//! never queues more than one burst, and no subscriber lags. The cost of a burst is the work to wake each subscriber,
//! encode its events, write them and wait again. The server has one thread and its own core; the clients have another
//! core.
//!
//! A rate counts the processor time of the server's threads, including the time of the kernel for them. One thread
//! does all the work; other threads, such as the one that reads the commands, use almost no time. Elapsed time would
//! also include other users of the core, which can double or halve a result on a shared machine. Without other users
//! the two are equal, as the column "CPU" shows: the server is busy nearly all of the time.
//!
//! Each sample is one burst. All servers run at the same time, with all their subscribers, and take turns. So the
//! changing speed of a shared machine affects all of them. The first burst of a turn is not a sample, because the
//! caches contain another server's connections. The result of a library is the sample that a fifth of its samples are
//! faster than, because interruptions can only add time.

use std::{
    mem,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::{
    process::Memory,
    samples::Samples,
    server::{Allocator, Server},
    servers::Library,
    subscriber_process::SubscriberProcess,
    subscribers::Subscribers,
};

/// Number of events of a long burst.
pub const BURST: u64 = 16;

/// Idle time of a server before its memory is read.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// Time for which the memory of a server must not change before it counts as kept.
const STEADY_TIME: Duration = Duration::from_secs(3);

/// Parameters of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Libraries to measure.
    pub libraries: &'a [Library],
    /// Folder of the programs `serve` and `subscribe`.
    pub programs: &'a Path,
    /// Allocator of the servers.
    pub allocator: Allocator,
    /// Core of the server, if it has one.
    pub core: Option<usize>,
    /// Number of subscribers of each server.
    pub subscribers: usize,
    /// Time for the turns of all libraries.
    pub time: Duration,
    /// Time of a turn with one length of bursts.
    pub turn: Duration,
}

/// Results of a library.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Rate in bursts of [`BURST`] events.
    pub bursts: Samples,
    /// Rate with one event at a time.
    pub singles: Samples,
    /// Memory of a connection before the first event, in bytes.
    pub idle: f64,
    /// Part of [`idle`](Self::idle) that is not pages of files, in bytes.
    pub idle_anonymous: f64,
    /// Memory of a connection after all events, in bytes.
    pub used: f64,
}

/// Measures the libraries in turns.
///
/// # Errors
///
/// Returns an error if a server fails, or sends too few or too many events.
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
    let readings = contenders.into_iter().map(|contender| {
        let library = contender.library;
        let reading = contender
            .finish()
            .with_context(|| format!("measuring {library}"));
        Ok((library, reading?))
    });
    readings.collect()
}

/// A server with all its subscribers.
#[derive(Debug)]
pub(crate) struct Contender {
    library: Library,
    server: Server,
    subscribers: SubscriberProcess,
    /// Memory of the server before the subscribers connect.
    empty: Memory,
    reading: Reading,
}

/// Memory of a server before, with, and after its subscribers, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLevels {
    /// Memory before the subscribers connect.
    pub empty: u64,
    /// Memory with all subscribers, after all events.
    pub full: u64,
    /// Memory after all subscribers have left.
    pub left: u64,
}

impl Contender {
    pub(crate) fn start(plan: &Plan<'_>, library: Library) -> Result<Self> {
        let server = Server::start_with(plan.allocator, plan.programs, library, plan.core)?;
        // The first connection allocates the memory that all connections share.
        drop(Subscribers::connect(server.port(), 1, false)?);
        thread::sleep(SETTLE_TIME);
        let program = plan.programs.join("subscribe");
        let mut contender = Self {
            library,
            empty: server.memory()?,
            subscribers: SubscriberProcess::connect(&program, server.port(), plan.subscribers)?,
            server,
            reading: Reading::default(),
        };
        thread::sleep(SETTLE_TIME);
        contender.reading.idle = contender.each(|memory| memory.now)?;
        contender.reading.idle_anonymous = contender.each(Memory::anonymous)?;
        // The server allocates buffers in the first burst.
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

    /// Disconnects all subscribers, and measures the memory of the server once it does not change any more.
    pub(crate) fn leave(mut self) -> Result<(Reading, MemoryLevels)> {
        self.is_right()?;
        let Self {
            server,
            subscribers,
            empty,
            reading,
            ..
        } = self;
        let (empty, full) = (empty.now, server.memory()?.now);
        drop(subscribers);
        let mut left = full;
        loop {
            thread::sleep(STEADY_TIME);
            let before = mem::replace(&mut left, server.memory()?.now);
            if left == before {
                break;
            }
        }
        Ok((reading, MemoryLevels { empty, full, left }))
    }

    fn is_right(&mut self) -> Result<()> {
        thread::sleep(SETTLE_TIME);
        self.reading.used = self.each(|memory| memory.now)?;
        self.server.has_missed_nothing()?;
        self.server.process().check_health()
    }

    /// Returns the memory of the server for each subscriber, in bytes. `part` returns the part of the memory that
    /// counts.
    fn each(&self, part: impl Fn(&Memory) -> u64) -> Result<f64> {
        let memory = part(&self.server.memory()?) as f64 - part(&self.empty) as f64;
        Ok(memory / self.subscribers.count() as f64)
    }

    fn bursts(&mut self, length: u64, time: Duration) -> Result<Samples> {
        let events = (length * self.subscribers.count() as u64) as f64;
        let mut bursts = Samples::default();
        self.burst(length)?;
        let start = Instant::now();
        while start.elapsed() < time {
            let (start, before) = (Instant::now(), self.server.cpu_time()?);
            self.burst(length)?;
            let cpu_time = self.server.cpu_time()? - before;
            bursts.add(events, cpu_time, start.elapsed());
        }
        Ok(bursts)
    }

    fn burst(&mut self, length: u64) -> Result<()> {
        self.subscribers.expect(length)?;
        self.server.publish(length)?;
        self.subscribers.have_received()
    }
}
