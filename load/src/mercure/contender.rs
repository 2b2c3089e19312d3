//! Hubs with subscribers of one topic, in each mode, and how fast they send events.
//!
//! All hubs run at the same time, with all their subscribers, and take turns, as in [`measure`](crate::measure). Events
//! are published over HTTP, in the same way in each mode, because a hub has no other input. The cost of this is
//! measured by itself: events of a topic without subscribers.

use std::{
    fmt, fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::{
    publisher::Publisher,
    token::{self, HUB_PATH, HUB_URL},
};
use crate::{
    hub::hub_program::HubProgram,
    machine::{self, Cores},
    measure::{BURST, Reading},
    process::Memory,
    samples::Samples,
    subscriber_process::SubscriberProcess,
    subscribers::{StreamRequest, Subscribers},
};

/// Topic of the subscribers, which is a URL as usual for Mercure.
const TOPIC: &str = "https://example.com/books/1";

/// Topic without subscribers.
const OTHER_TOPIC: &str = "https://example.com/books/2";

/// Topic of the subscribers in a query.
const ENCODED_TOPIC: &str = "https%3A%2F%2Fexample.com%2Fbooks%2F1";

/// Token of publishers without Mercure.
const PUBLISH_TOKEN: &str = "a-secret";

/// Idle time of a hub before its memory is read.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// Number of connections in addition to the subscribers.
const OTHER_CONNECTIONS: usize = 10;

/// Mode of a hub, and the access of its subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The hub without Mercure.
    Events,
    /// Mercure, with subscribers without a token.
    Anonymous,
    /// Mercure, with subscribers that have an access token.
    Token,
}

impl Mode {
    /// All modes, in the order of the tables.
    pub const ALL: [Self; 3] = [Self::Events, Self::Anonymous, Self::Token];

    /// Returns the request of the subscribers.
    fn request(self) -> Result<StreamRequest> {
        let mut request = StreamRequest::new(match self {
            Self::Events => format!("/events?topic={ENCODED_TOPIC}"),
            Self::Anonymous | Self::Token => format!("{HUB_PATH}?match={ENCODED_TOPIC}"),
        });
        if self == Self::Token {
            request.authorization = Some(format!("Bearer {}", token::token("subscribe")?));
        }
        Ok(request)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "sse hub",
            Self::Anonymous => "sse hub --mercure",
            Self::Token => "sse hub --mercure, with tokens",
        })
    }
}

/// Parameters of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Folder of the programs `sse` and `subscribe`.
    pub programs: &'a Path,
    /// Cores of the hubs and of the clients.
    pub cores: Cores,
    /// Number of subscribers of each hub.
    pub subscribers: usize,
    /// Time for the turns of all hubs.
    pub time: Duration,
    /// Time of a turn with one length of bursts.
    pub turn: Duration,
}

/// Results of a hub in one mode.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Mode of the hub.
    pub mode: Mode,
    /// Number of subscribers.
    pub subscribers: usize,
    /// Rates with the cost of publishing, and memory.
    pub reading: Reading,
    /// Publications per second in bursts, to a topic without subscribers.
    pub burst_publications: Samples,
    /// Publications per second one by one, to a topic without subscribers.
    pub single_publications: Samples,
}

impl Cost {
    /// Returns the processor time in nanoseconds for each event of each subscriber in bursts, without publishing.
    pub fn burst_delivery(&self) -> f64 {
        self.delivery(&self.reading.bursts, &self.burst_publications)
    }

    /// Returns the processor time in nanoseconds for each event of each subscriber one by one, without publishing.
    pub fn single_delivery(&self) -> f64 {
        self.delivery(&self.reading.singles, &self.single_publications)
    }

    fn delivery(&self, events: &Samples, publications: &Samples) -> f64 {
        1e9 / events.rate() - 1e9 / publications.rate() / self.subscribers as f64
    }
}

/// Measures a hub in each mode, in turns.
///
/// # Errors
///
/// Returns an error if a hub fails, or sends too few or too many events.
pub fn all(plan: &Plan<'_>) -> Result<Vec<Cost>> {
    let mut contenders = Vec::new();
    for mode in Mode::ALL {
        let contender = Contender::start(plan, mode);
        contenders.push(contender.with_context(|| format!("starting {mode}"))?);
    }
    let start = Instant::now();
    while start.elapsed() < plan.time {
        for contender in &mut contenders {
            let mode = contender.cost.mode;
            let turn = contender.turn(plan.turn);
            turn.with_context(|| format!("measuring {mode}"))?;
        }
    }
    contenders.into_iter().map(Contender::finish).collect()
}

/// Hub with all its subscribers.
#[derive(Debug)]
struct Contender {
    hub: HubProgram,
    publisher: Publisher,
    subscribers: SubscriberProcess,
    /// Memory of the hub before the subscribers connect.
    empty: Memory,
    cost: Cost,
    _folder: TempDir,
}

impl Contender {
    fn start(plan: &Plan<'_>, mode: Mode) -> Result<Self> {
        let folder = TempDir::new()?;
        let hub = start_hub(plan, mode, folder.path())?;
        let (path, token) = match mode {
            Mode::Events => ("/publish", PUBLISH_TOKEN.to_owned()),
            Mode::Anonymous | Mode::Token => (HUB_PATH, token::token("publish")?),
        };
        let mut publisher = Publisher::connect(hub.address, path, &token)?;
        let (request, port) = (mode.request()?, hub.address.port());
        // The first connection and the first event allocate the memory that all share.
        let mut first = Subscribers::connect_with(&request, port, 1, false)?;
        publisher.send(TOPIC, 1)?;
        first.receive(1)?;
        publisher.wait()?;
        drop(first);
        thread::sleep(SETTLE_TIME);
        let empty = hub.process.memory()?;
        let program = plan.programs.join("subscribe");
        let subscribers =
            SubscriberProcess::connect_with(&program, &request, port, plan.subscribers)?;
        thread::sleep(SETTLE_TIME);
        let mut contender = Self {
            hub,
            publisher,
            subscribers,
            empty,
            cost: Cost {
                mode,
                subscribers: plan.subscribers,
                reading: Reading::default(),
                burst_publications: Samples::default(),
                single_publications: Samples::default(),
            },
            _folder: folder,
        };
        contender.cost.reading.idle = contender.each(|memory| memory.now)?;
        contender.cost.reading.idle_anonymous = contender.each(Memory::anonymous)?;
        // The hub allocates buffers in the first burst.
        contender.burst(BURST)?;
        Ok(contender)
    }

    fn turn(&mut self, time: Duration) -> Result<()> {
        let bursts = self.samples(BURST, time, Self::burst)?;
        self.cost.reading.bursts.append(bursts);
        let singles = self.samples(1, time, Self::burst)?;
        self.cost.reading.singles.append(singles);
        // A publication takes little time, so there are many samples.
        let time = time / 5;
        let publications = self.samples(BURST, time, Self::publish)?;
        self.cost.burst_publications.append(publications);
        let publications = self.samples(1, time, Self::publish)?;
        self.cost.single_publications.append(publications);
        Ok(())
    }

    fn finish(mut self) -> Result<Cost> {
        thread::sleep(SETTLE_TIME);
        self.cost.reading.used = self.each(|memory| memory.now)?;
        Ok(self.cost)
    }

    /// Returns the memory of the hub for each subscriber, in bytes.
    fn each(&self, part: impl Fn(&Memory) -> u64) -> Result<f64> {
        let memory = part(&self.hub.process.memory()?) as f64 - part(&self.empty) as f64;
        Ok(memory / self.subscribers.count() as f64)
    }

    /// Repeats this work with this number of events. It returns the number of events that were sent.
    fn samples(
        &mut self,
        length: u64,
        time: Duration,
        work: fn(&mut Self, u64) -> Result<u64>,
    ) -> Result<Samples> {
        let mut samples = Samples::default();
        // The caches contain another hub's memory.
        work(self, length)?;
        let start = Instant::now();
        while start.elapsed() < time {
            let (start, before) = (Instant::now(), self.hub.process.stat().cpu_time()?);
            let events = work(self, length)?;
            let cpu_time = self.hub.process.stat().cpu_time()? - before;
            samples.add(events as f64, cpu_time, start.elapsed());
        }
        Ok(samples)
    }

    /// Publishes events that all subscribers receive.
    fn burst(&mut self, length: u64) -> Result<u64> {
        self.subscribers.expect(length)?;
        self.publisher.send(TOPIC, length)?;
        self.subscribers.have_received()?;
        self.publisher.wait()?;
        Ok(length * self.subscribers.count() as u64)
    }

    /// Publishes events without subscribers.
    fn publish(&mut self, length: u64) -> Result<u64> {
        self.publisher.send(OTHER_TOPIC, length)?;
        self.publisher.wait()?;
        Ok(length)
    }
}

/// Starts a hub in this mode on the core of the hubs. It keeps its events in memory.
fn start_hub(plan: &Plan<'_>, mode: Mode, folder: &Path) -> Result<HubProgram> {
    let max_subscribers = plan.subscribers + OTHER_CONNECTIONS;
    let mut command = HubProgram::command(&plan.programs.join("sse"), max_subscribers);
    match mode {
        Mode::Events => {
            command.args(["--publish-token", PUBLISH_TOKEN]);
        }
        Mode::Anonymous | Mode::Token => {
            let path = folder.join("issuers.toml");
            fs::write(&path, token::issuers())?;
            command
                .args(["--mercure", HUB_URL, "--mercure-anonymous", "--no-store"])
                .arg("--mercure-issuers")
                .arg(path);
        }
    }
    // A program starts on the core of this process.
    machine::pin_to_core(plan.cores.server)?;
    let hub = HubProgram::start(&mut command);
    machine::pin_to_core(plan.cores.clients)?;
    hub
}
