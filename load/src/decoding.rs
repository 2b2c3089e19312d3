//! How fast a stream is received and decoded, and in how much memory.
//!
//! A client asks for a response of many events, which the [flood](crate::flood) writes as fast as it
//! reads, and says what it has made of it. Each library is a program of its own with one thread, on a
//! core that the server does not use, and they take turns of one response each.
//!
//! What counts is the time that the client's thread has run, as in [`measure`](crate::measure), with
//! what the kernel did for it: to receive is a part of it, and the same for all.
//!
//! Memory is the most that a process has had resident (`VmHWM`) behind one response. Much of that are
//! pages of the program and of libc, which the kernel maps by the dozen around each that is used;
//! without them it is what the process has of its own, its heap and stack. How large hyper's buffer
//! gets is a matter of chance, so what counts is the median of some processes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    clients::Client,
    flood::Stream,
    receiver::Receiver,
    samples::{Samples, median},
    seen::Memory,
    tally::Tally,
};

/// Who is measured, and how thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Who takes part.
    pub clients: &'a [Client],
    /// The folder of the programs.
    pub programs: &'a Path,
    /// The core of the clients, if they have one.
    pub core: Option<usize>,
    /// The port of the flood.
    pub port: u16,
    /// At least how many events a response has.
    pub events: u64,
    /// How many processes' memory is looked at.
    pub processes: usize,
    /// How long they take turns.
    pub time: Duration,
}

/// What was measured of a client.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Events for each second that it ran.
    pub samples: Samples,
    /// The most memory that was resident, in bytes.
    pub peak: u64,
    /// The same without pages of files.
    pub own: u64,
    /// How much the peak of the process that took turns rose behind its first response.
    pub growth: u64,
}

/// Measures the clients in turns. One that receives anything else than was sent has an error, and no
/// other turn.
pub fn all(plan: &Plan<'_>, stream: &Stream) -> Vec<(Client, Result<Reading>)> {
    let start = |client: &Client| (*client, Contender::start(plan, *client, stream));
    let mut contenders: Vec<_> = plan.clients.iter().map(start).collect();
    let start = Instant::now();
    while start.elapsed() < plan.time {
        for (_, contender) in &mut contenders {
            if let Ok(it) = contender
                && let Err(error) = it.turn()
            {
                *contender = Err(error);
            }
        }
    }
    let readings = contenders.into_iter();
    readings
        .map(|(client, it)| (client, it.and_then(Contender::finish)))
        .collect()
}

/// A client and its stream.
#[derive(Debug)]
struct Contender {
    receiver: Receiver,
    /// How many events a response has.
    events: f64,
    expected: Tally,
    samples: Samples,
    /// Of each process behind its first response; the last is the one that takes turns.
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

    /// The first response of a process.
    fn first(&mut self) -> Result<()> {
        self.receive()?;
        self.memories.push(self.receiver.process().memory()?);
        Ok(())
    }

    fn turn(&mut self) -> Result<()> {
        let (start, before) = (Instant::now(), self.receiver.process().ran()?);
        self.receive()?;
        let ran = self.receiver.process().ran()? - before;
        self.samples.add(self.events, ran, start.elapsed());
        Ok(())
    }

    /// One response, which has to be right.
    fn receive(&mut self) -> Result<()> {
        let tally = self.receiver.receive()?;
        let expected = &self.expected;
        ensure!(tally == *expected, "received {tally}, not {expected}");
        Ok(())
    }

    fn finish(mut self) -> Result<Reading> {
        let process = self.receiver.process();
        process.is_well().context("at the end")?;
        let first = self.memories.last().map_or(0, |it| it.peak);
        Ok(Reading {
            samples: self.samples,
            peak: median(self.memories.iter().map(|it| it.peak)),
            own: median(self.memories.iter().map(|it| it.peak - it.files)),
            growth: process.memory()?.peak - first,
        })
    }
}
