//! Kills and restarts `sse hub --store` at random times, while many publishers send events and subscribers read them.
//! Each acknowledged event must be kept once.
//!
//! - `hub.rs`: the command, with its port and its file; `killer.rs`: when it is killed.
//! - `publisher.rs`: a publisher, with `note.rs`: its events; `ledger.rs`: the results of all events.
//! - `subscriber.rs`: a subscriber, with `received.rs`: its events; `counts.rs`: statistics.
//!
//! The run fails if an acknowledged event is missing or has another ID, and if any event is kept twice. It also fails if
//! a subscriber gets an event twice, out of order or not at all, and if the hub reports an error.

mod counts;
mod hub;
mod killer;
mod ledger;
mod note;
mod publisher;
mod received;
mod subscriber;

use std::{io::Write, path::Path, sync::Arc};

use anyhow::Result;
use clap::Args;
use fastrand::Rng;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::report::mebibytes;
use counts::Stats;
use hub::Hub;
use killer::Killer;
use ledger::Ledger;
use note::TOPICS;
use publisher::Phase;
use subscriber::Client;

/// Options of a run.
#[derive(Clone, Copy, Debug, Args)]
pub struct Options {
    /// Number of times that the hub is killed.
    #[arg(long, default_value_t = 3)]
    pub restarts: usize,
    /// Minimum number of acknowledged events.
    #[arg(long, default_value_t = 2_000)]
    pub events: u64,
    /// Number of publishers.
    #[arg(long, default_value_t = 100)]
    pub publishers: usize,
    /// Number of subscribers.
    #[arg(long, default_value_t = 20)]
    pub subscribers: usize,
    /// Seed of everything that is random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// State that publishers, subscribers and the killer share.
#[derive(Debug)]
struct Shared {
    /// Port of the hub.
    port: u16,
    ledger: Ledger,
    counts: Stats,
    phase: watch::Sender<Phase>,
}

/// Starts the hub with the command `sse` at this path, kills it repeatedly, and writes the result to `out`.
///
/// # Errors
///
/// Returns an error if the run fails.
pub async fn run(sse: &Path, options: Options, out: &mut impl Write) -> Result<()> {
    let Options {
        restarts,
        events,
        publishers,
        subscribers,
        seed,
    } = options;
    writeln!(
        out,
        "{events} events of {publishers} publishers, {subscribers} subscribers, a hub that is killed {restarts} \
         times, seed {seed}"
    )?;
    let begin = Instant::now();
    let mut rng = Rng::with_seed(seed);
    let hub = Hub::start(sse)?;
    let shared = Arc::new(Shared {
        port: hub.port(),
        ledger: Ledger::new(publishers),
        counts: Stats::default(),
        phase: watch::Sender::new(Phase::Publish),
    });
    let (mut following, mut publishing) = (JoinSet::new(), JoinSet::new());
    for index in 0..subscribers {
        // A quarter of them get all topics.
        let topic = (index % 4 > 0).then_some(index % TOPICS);
        let subscriber = Client::new(&shared, topic, rng.fork());
        following.spawn(subscriber.follow(events));
    }
    for publisher in 0..publishers {
        let shared = Arc::clone(&shared);
        publishing.spawn(publisher::publish(publisher, rng.fork(), shared));
    }
    let mut killer = Killer::new(hub, rng, &shared);
    let publish = async {
        tokio::try_join!(join(publishing), killer.kill_all(restarts, events, out))?;
        shared.phase.send_replace(Phase::Ended);
        anyhow::Ok(())
    };
    let (followed, ()) = tokio::try_join!(join(following), publish)?;
    let (stored, unacknowledged) = killer.read_after_last_kill().await?;
    for received in followed {
        received.check(&stored)?;
    }
    let acknowledged = *shared.ledger.acknowledged().borrow();
    writeln!(
        out,
        "passed in {:.1} s: {acknowledged} events acknowledged, 0 lost, 0 duplicate; {unacknowledged} kept without a \
         response; {killer}; {}; file of {} MiB",
        begin.elapsed().as_secs_f64(),
        shared.counts,
        mebibytes(killer.hub.file_bytes()?),
    )?;
    Ok(())
}

/// Waits until all tasks have succeeded, or until one fails.
async fn join<T: 'static>(mut tasks: JoinSet<Result<T>>) -> Result<Vec<T>> {
    let mut results = Vec::new();
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    Ok(results)
}
