//! Measures how fast clients receive and decode a stream, and in how much memory.
//!
//! A client requests a response with many events, and reports what it received. The [flood](crate::flood) writes as
//! fast as the client reads. Each library has its own program with one thread, on a core that the server does not
//! use. The programs take turns of one response each.
//!
//! A rate counts the processor time of the client's thread, as in [`measure`](crate::measure), with the time of the
//! kernel for it. So it includes the cost of receiving, which is the same for all clients.
//!
//! Memory is the peak of the resident memory (`VmHWM`) after one response. A large part of it is pages of the program
//! and of libc, because the kernel maps dozens of pages around each used one. The rest is heap and stack. The size of
//! hyper's buffer is random, so the result is the median of several processes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    clients::Client,
    flood::Stream,
    process::Memory,
    receiver::Receiver,
    samples::{Samples, median},
    tally::Tally,
};

/// Parameters of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Clients to measure.
    pub clients: &'a [Client],
    /// Folder of the programs.
    pub programs: &'a Path,
    /// Core of the clients, if they have one.
    pub core: Option<usize>,
    /// Port of the flood.
    pub port: u16,
    /// Minimum number of events of a response.
    pub events: u64,
    /// Number of processes whose memory is measured.
    pub processes: usize,
    /// Time for the turns of all clients.
    pub time: Duration,
}

/// Results of a client.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Events per second of processor time.
    pub samples: Samples,
    /// Peak of the resident memory, in bytes.
    pub peak: u64,
    /// Peak of the resident memory without pages of files, in bytes.
    pub own: u64,
    /// Growth of the peak after the first response, in bytes, in the process that took turns.
    pub growth: u64,
}

/// Measures the clients in turns.
///
/// If a client receives anything other than was sent, it has an error and gets no further turn.
pub fn all(plan: &Plan<'_>, stream: &Stream) -> Vec<(Client, Result<Reading>)> {
    let start = |client: &Client| (*client, Contender::start(plan, *client, stream));
    let mut contenders: Vec<_> = plan.clients.iter().map(start).collect();
    let start = Instant::now();
    while start.elapsed() < plan.time {
        for (_, contender) in &mut contenders {
            if let Ok(running) = contender
                && let Err(error) = running.turn()
            {
                *contender = Err(error);
            }
        }
    }
    let readings = contenders.into_iter();
    readings
        .map(|(client, contender)| (client, contender.and_then(Contender::finish)))
        .collect()
}

/// A client and its stream.
#[derive(Debug)]
struct Contender {
    receiver: Receiver,
    /// Number of events of a response.
    events: f64,
    expected: Tally,
    samples: Samples,
    /// Memory of each process after its first response. The last process takes turns.
    memories: Vec<Memory>,
}

impl Contender {
    fn start(plan: &Plan<'_>, client: Client, stream: &Stream) -> Result<Self> {
        let times = plan.events.div_ceil(stream.events());
        let uri = stream.uri(plan.port, times);
        let start = || Receiver::start(plan.programs, client, &uri, plan.core);
        let mut contender = Self {
            receiver: start()?,
            events: (stream.events() * times) as f64,
            expected: stream.tally(client, times),
            samples: Samples::default(),
            memories: Vec::new(),
        };
        contender.first()?;
        while contender.memories.len() < plan.processes {
            contender.receiver = start()?;
            contender.first()?;
        }
        Ok(contender)
    }

    /// Receives the first response of a process, and reads its memory.
    fn first(&mut self) -> Result<()> {
        self.receive()?;
        self.memories.push(self.receiver.process().memory()?);
        Ok(())
    }

    fn turn(&mut self) -> Result<()> {
        let (start, before) = (Instant::now(), self.receiver.process().cpu_time()?);
        self.receive()?;
        let cpu_time = self.receiver.process().cpu_time()? - before;
        self.samples.add(self.events, cpu_time, start.elapsed());
        Ok(())
    }

    /// Receives one response, and compares it with the expected one.
    fn receive(&mut self) -> Result<()> {
        let tally = self.receiver.receive()?;
        let expected = &self.expected;
        ensure!(tally == *expected, "received {tally}, expected {expected}");
        Ok(())
    }

    fn finish(mut self) -> Result<Reading> {
        let process = self.receiver.process();
        process.check_health().context("at the end")?;
        let first = self.memories.last().map_or(0, |memory| memory.peak);
        Ok(Reading {
            samples: self.samples,
            peak: median(self.memories.iter().map(|memory| memory.peak)),
            own: median(
                self.memories
                    .iter()
                    .map(|memory| memory.peak - memory.files),
            ),
            growth: process.memory()?.peak - first,
        })
    }
}
