//! Moves many clients at random between two nodes over one NATS server, while NATS and each node are killed and
//! restarted. Each client must get each event once and in order.
//!
//! - `servers.rs`: NATS and the nodes, each a command `sse hub`, and the times at which they are killed.
//! - `publisher.rs`: numbered events, published as fast as the clients receive them.
//! - `client.rs`: a client, which disconnects anywhere in the stream, and resumes at either node.
//! - `board.rs`: the shared progress of all.
//!
//! The run fails at the first event that a client gets twice, too early or not at all. It also fails if a client gets
//! no more events, or if an event is not in NATS exactly once.

mod board;
mod client;
mod publisher;
mod servers;

use std::{io::Write, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use fastrand::Rng;
use testkit::timeout::test_timeout;
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};

use board::Board;
use publisher::Publisher;
use servers::Servers;

/// Time between two lines of output.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Options of a run.
#[derive(Clone, Copy, Debug, Args)]
pub struct Options {
    /// Number of clients.
    #[arg(long, default_value_t = 50)]
    pub clients: usize,
    /// Number of events that each client has to get.
    #[arg(long, default_value_t = 2_000)]
    pub events: u64,
    /// Seed of everything that is random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Options {
    /// Returns the number of events that a node keeps in memory. Clients that have missed more get them from NATS.
    fn kept(&self) -> u64 {
        (self.events / 12).clamp(100, 8192)
    }
}

/// Starts NATS, two nodes of the command `sse` at this path, and the clients, and writes the result to `out`.
///
/// # Errors
///
/// Returns an error if the run fails.
pub async fn run(sse: &Path, options: Options, out: &mut impl Write) -> Result<()> {
    let Options {
        clients,
        events,
        seed,
    } = options;
    writeln!(
        out,
        "{clients} clients, {events} events, two nodes and NATS, each killed once, seed {seed}"
    )?;
    let mut rng = Rng::with_seed(seed);
    let mut servers = Servers::start(sse, options.kept()).await?;
    let publisher = Publisher::new(&servers.nats_url())?;
    // All clients begin after this event.
    let first = publisher.publish(0).await?;
    let board = Arc::new(Board::new(clients, events, options.kept()));
    let mut all = JoinSet::new();
    for number in 0..clients {
        let rng = Rng::with_seed(rng.u64(..));
        let ports = servers.ports();
        all.spawn(client::follow(
            number,
            ports,
            first.clone(),
            rng,
            Arc::clone(&board),
        ));
    }
    let begin = Instant::now();
    let mut watch = Watch::new(begin);
    let mut lines = interval(REPORT_INTERVAL);
    let mut publishing = tokio::spawn(publisher.publish_all(Arc::clone(&board)));
    let mut is_published = false;
    let mut deaths = servers.deaths(events, &mut rng);
    while !all.is_empty() {
        tokio::select! {
            Some(client) = all.join_next() => client?.with_context(|| format!("after {board}"))?,
            published = &mut publishing, if !is_published => {
                published?.with_context(|| format!("after {board}"))?;
                is_published = true;
            }
            died = servers.next_death(&mut deaths, &board) => {
                writeln!(out, "{:5.1} s: {}", begin.elapsed().as_secs_f64(), died?)?;
            }
            now = lines.tick() => {
                watch.look(&board, now)?;
                writeln!(out, "{:5.1} s: {board}", begin.elapsed().as_secs_f64())?;
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(
        servers.have_died(&deaths),
        "not all servers were killed, because there are too few events"
    );
    let stored = publisher::stored(&servers.nats_url()).await?;
    ensure!(
        stored == events + 1,
        "NATS has {stored} events, but {} were published",
        events + 1
    );
    let rate = board.delivered() as f64 / seconds / 1e6;
    writeln!(
        out,
        "passed in {seconds:.1} s, {rate:.2} million events a second: {}",
        board.summary()
    )?;
    Ok(())
}

/// Detects that no client receives events any more.
struct Watch {
    delivered: u64,
    since: Instant,
}

impl Watch {
    fn new(since: Instant) -> Self {
        Self {
            delivered: 0,
            since,
        }
    }

    fn look(&mut self, board: &Board, now: Instant) -> Result<()> {
        let delivered = board.delivered();
        if delivered > self.delivered {
            (self.delivered, self.since) = (delivered, now);
        }
        let limit = test_timeout();
        ensure!(
            now.duration_since(self.since) < limit,
            "no client received an event for {limit:?}; {board}; {}",
            board.behind()
        );
        Ok(())
    }
}
