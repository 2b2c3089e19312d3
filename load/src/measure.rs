//! How fast subscribers are served, and what they cost.
//!
//! A burst of events is published at once, and the next one when all of it has arrived everywhere.
//! So the server never queues more than one burst, nobody lags, and a burst takes as long as the
//! server needs to wake each subscriber, build and write its events; that the last client still
//! reads when the server has nothing to do any more costs some microseconds of some milliseconds.
//! It does its work on one core; the clients share another. The time that the server ran is taken
//! from the kernel as well: as long as it is busy nearly all of the time, it is what is measured.
//!
//! Each sample is one burst. The libraries take turns, round by round, with a fresh process each
//! time, so that a slow moment of the machine hits each of them. Of all samples of a library the one
//! counts that a fifth are faster than: interruptions only ever add time.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{process::Process, servers::Library, subscribers::Subscribers};

/// How many events a long burst has.
pub const BURST: u64 = 16;

/// How long a server is left alone before its memory is read.
const REST: Duration = Duration::from_millis(500);

/// Who is measured, and how thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Who takes part.
    pub libraries: &'a [Library],
    /// The program that serves.
    pub program: &'a Path,
    /// The core of the server, if it has one.
    pub core: Option<usize>,
    /// How many subscribe.
    pub subscribers: usize,
    /// How often each library has its turn.
    pub rounds: u32,
    /// How long bursts of a length are sent in each turn.
    pub time: Duration,
}

/// What was measured of a library.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// In bursts of [`BURST`].
    pub bursts: Bursts,
    /// One event at a time.
    pub singles: Bursts,
    /// The memory of a connection that had no event yet, in bytes, for each turn.
    pub idle: Vec<f64>,
    /// The same behind all events.
    pub used: Vec<f64>,
}

/// Bursts of one length.
#[derive(Clone, Debug, Default)]
pub struct Bursts {
    /// Delivered events a second, for each burst.
    rates: Vec<f64>,
    all: Duration,
    busy: Duration,
}

impl Bursts {
    /// Delivered events a second.
    pub fn rate(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(|a, b| f64::total_cmp(b, a));
        rates.get(rates.len() / 5).copied().unwrap_or(f64::NAN)
    }

    /// For what share of the time the server ran.
    pub fn busy(&self) -> f64 {
        self.busy.as_secs_f64() / self.all.as_secs_f64()
    }
}

/// Measures each library in turn.
///
/// # Errors
///
/// If a server fails, or serves too little or too much.
pub fn all(plan: &Plan<'_>) -> Result<Vec<(Library, Reading)>> {
    let libraries = plan.libraries.iter();
    let mut readings: Vec<_> = libraries.map(|it| (*it, Reading::default())).collect();
    for _ in 0..plan.rounds {
        for (library, reading) in &mut readings {
            turn(plan, *library, reading).with_context(|| format!("measuring {library}"))?;
        }
    }
    Ok(readings)
}

fn turn(plan: &Plan<'_>, library: Library, reading: &mut Reading) -> Result<()> {
    let mut server = Server::start(plan, library)?;
    // The first connection makes what all of them share.
    drop(Subscribers::connect(server.port, 1, false)?);
    thread::sleep(REST);
    let empty = server.process.memory()?;
    let mut subscribers = Subscribers::connect(server.port, plan.subscribers, false)?;
    let each = |memory: u64| (memory as f64 - empty as f64) / plan.subscribers as f64;
    thread::sleep(REST);
    reading.idle.push(each(server.process.memory()?));
    for (length, bursts) in [(BURST, &mut reading.bursts), (1, &mut reading.singles)] {
        send(&mut server, &mut subscribers, length, plan, bursts)?;
    }
    thread::sleep(REST);
    reading.used.push(each(server.process.memory()?));
    server.process.is_well()
}

fn send(
    server: &mut Server,
    subscribers: &mut Subscribers,
    length: u64,
    plan: &Plan<'_>,
    bursts: &mut Bursts,
) -> Result<()> {
    // The first one makes buffers.
    server.publish(length)?;
    subscribers.receive(length)?;
    let events = (length * plan.subscribers as u64) as f64;
    let (start, ran) = (Instant::now(), server.process.busy()?);
    while start.elapsed() < plan.time {
        let start = Instant::now();
        server.publish(length)?;
        subscribers.receive(length)?;
        bursts.rates.push(events / start.elapsed().as_secs_f64());
    }
    bursts.all += start.elapsed();
    bursts.busy += server.process.busy()? - ran;
    server.has_missed_nothing()
}

/// The program `serve` at work.
#[derive(Debug)]
pub struct Server {
    /// What it is to the kernel.
    pub process: Process,
    /// Where it listens.
    pub port: u16,
    answers: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn start(plan: &Plan<'_>, library: Library) -> Result<Self> {
        let mut command = Command::new(plan.program);
        command
            .args(["--library", library.name(), "--port", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(core) = plan.core {
            command.args(["--core", &core.to_string()]);
        }
        let mut process = Process::start(&mut command)?;
        let answers = process.child().stdout.take().context("it has no output")?;
        let mut server = Self {
            process,
            port: 0,
            answers: BufReader::new(answers),
        };
        server.port = u16::try_from(server.answer("listening ")?)?;
        Ok(server)
    }

    fn publish(&mut self, events: u64) -> Result<()> {
        self.tell(&format!("publish {events}\n"))
    }

    fn has_missed_nothing(&mut self) -> Result<()> {
        self.tell("missed\n")?;
        let missed = self.answer("missed ")?;
        ensure!(
            missed == 0,
            "{missed} events were missed by who lagged behind"
        );
        Ok(())
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.process.child().stdin.as_mut();
        Ok(input
            .context("it has no input")?
            .write_all(line.as_bytes())?)
    }

    fn answer(&mut self, name: &str) -> Result<u64> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let number = line.trim().strip_prefix(name);
        let number = number.and_then(|it| u64::from_str_radix(it, 10).ok());
        number.with_context(|| format!("the server answers {line:?}"))
    }
}
