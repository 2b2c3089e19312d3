//! Measures how many events a store takes from many publishers at once, and how fast it returns them:
//!
//! ```text
//! cargo run --release --example throughput -- --path target/events.redb --publishers 1000 --seconds 5
//! ```

use std::{
    error::Error,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use futures_util::StreamExt as _;
use sse_hub::{Backend as _, Event, Publication, Topic, TopicFilters, Update};
use sse_hub_redb::{RedbConfig, RedbStore};
use tokio::{task::JoinSet, time::sleep_until};

/// Publishes events from many tasks at once, each when its previous one is stored.
#[derive(Debug, Parser)]
struct Arguments {
    /// Path of the file, which is created if it does not exist.
    #[arg(long)]
    path: PathBuf,
    /// Number of publishers.
    #[arg(long, default_value_t = 1000)]
    publishers: usize,
    /// Length of the data of an event, in bytes.
    #[arg(long, default_value_t = 200)]
    bytes: usize,
    /// Time to publish, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Maximum number of kept events.
    #[arg(long, default_value_t = RedbConfig::DEFAULT_MAX_EVENTS)]
    max_events: u64,
    /// Stores no state for recovery, so that each commit synchronizes the file once.
    #[arg(long)]
    slow_recovery: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let config = RedbConfig::new()
        .max_events(arguments.max_events)
        .fast_recovery(!arguments.slow_recovery);
    let start = Instant::now();
    let store = Arc::new(RedbStore::open(&arguments.path, config)?);
    eprintln!("opened in {:?}", start.elapsed());
    let before = store.latest_sequence().await?;

    let mut updates = store.follow(0);
    let following = tokio::spawn(async move {
        let mut events = 0_u64;
        while let Some(update) = updates.next().await {
            match update {
                Update::Event(_) => events += 1,
                Update::Disconnected(_) => break,
                _ => {}
            }
        }
        events
    });

    let start = Instant::now();
    let end = start + Duration::from_secs(arguments.seconds);
    let mut publishers = JoinSet::new();
    for _ in 0..arguments.publishers {
        let store = Arc::clone(&store);
        let event = Event::new("x".repeat(arguments.bytes));
        let publication = Publication::new(Topic::new("news")?, event);
        publishers.spawn(async move {
            let mut slowest = Duration::ZERO;
            while Instant::now() < end {
                let start = Instant::now();
                store.publish(&publication).await?;
                slowest = slowest.max(start.elapsed());
            }
            Ok::<_, sse_hub::BackendError>(slowest)
        });
    }
    sleep_until(end.into()).await;
    let mut slowest = Duration::ZERO;
    while let Some(result) = publishers.join_next().await {
        slowest = slowest.max(result??);
    }
    let elapsed = start.elapsed().as_secs_f64();
    let after = store.latest_sequence().await?;
    let events = after - before;
    eprintln!(
        "published {events} events: {:.0} events/s, the slowest took {slowest:?}",
        events as f64 / elapsed
    );

    let start = Instant::now();
    let first = after.saturating_sub(arguments.max_events.min(events));
    let replayed = store.replay(first, after, &TopicFilters::all());
    let replayed = replayed.count().await;
    let elapsed = start.elapsed().as_secs_f64();
    eprintln!(
        "replayed {replayed} events: {:.0} events/s",
        replayed as f64 / elapsed
    );
    store.close().await;
    eprintln!("a follower got {} events", following.await?);
    eprintln!("file is {} MiB", arguments.path.metadata()?.len() >> 20);
    Ok(())
}
