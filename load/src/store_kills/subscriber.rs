//! A subscriber, which reads from the start, leaves, and resumes with its last event ID.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use fastrand::Rng;
use futures_util::StreamExt as _;
use sse_proto::EventId;
use sse_source::{ClientConfig, EventSource, Item};
use testkit::timeout::test_timeout;
use tokio::time::{sleep, timeout};

use super::{Shared, hub::MEMORY_EVENTS, note::topic_name, publisher::Phase, received::Received};

/// Approximate number of times that a subscriber to all topics leaves.
const VISITS: u64 = 20;

/// One of this number of pauses lasts until the hub no longer has the missed events in memory.
const LONG_PAUSE_RATIO: u32 = 5;

/// A subscriber.
pub(super) struct Client {
    shared: Arc<Shared>,
    /// Topic of the subscriber. `None` for all topics.
    topic: Option<usize>,
    rng: Rng,
}

impl Client {
    pub(super) fn new(shared: &Arc<Shared>, topic: Option<usize>, rng: Rng) -> Self {
        Self {
            shared: Arc::clone(shared),
            topic,
            rng,
        }
    }

    /// Reads until all publishers have ended and no more events can come. Leaves after random numbers of events, of
    /// which `events` are published.
    pub(super) async fn follow(mut self, events: u64) -> Result<Received> {
        let mut received = Received::new(self.topic);
        let mut phase = self.shared.phase.subscribe();
        loop {
            let mut source = self.source(&received)?;
            let mut left = self.rng.u64(..=2 * events / VISITS) + 1;
            while left > 0 {
                // The last event of each publisher is acknowledged.
                if *phase.borrow() == Phase::Ended
                    && received.last_sequence() >= self.shared.ledger.latest(self.topic)
                {
                    return Ok(received);
                }
                tokio::select! {
                    item = next(&mut source) => left -= u64::from(self.take(item?, &mut received)?),
                    changed = phase.changed() => changed?,
                }
            }
            drop(source);
            self.shared.counts.left.up();
            self.pause().await?;
        }
    }

    /// Reads up to this sequence, without leaving.
    pub(super) async fn read_through(self, sequence: u64) -> Result<Received> {
        let mut received = Received::new(self.topic);
        let mut source = self.source(&received)?;
        while received.last_sequence() < sequence {
            let item = next(&mut source).await?;
            self.take(item, &mut received)?;
        }
        Ok(received)
    }

    /// Returns a source that begins after the received events.
    fn source(&self, received: &Received) -> Result<EventSource> {
        let filter = self.topic.map_or("soak/*".to_owned(), topic_name);
        let port = self.shared.port;
        // A last event ID has precedence over `earliest`.
        let url = format!("http://127.0.0.1:{port}/events?topic={filter}&earliest");
        let mut source = EventSource::get(url).config(short_delays());
        if let Some(id) = received.last_id() {
            source = source.last_event_id(EventId::new(id.to_string())?);
        }
        Ok(source.build()?)
    }

    /// Takes an item. Returns whether it is an event of a publisher.
    fn take(&self, item: Item, received: &mut Received) -> Result<bool> {
        match item {
            Item::Open(_) => self.shared.counts.connections.up(),
            Item::Event(event) => match &*event.event_type {
                "message" => {
                    received.add(&event.data, &event.last_event_id)?;
                    return Ok(true);
                }
                "position" => received.move_to(&event.last_event_id)?,
                "lagged" => self.shared.counts.lagged.up(),
                other => bail!(
                    "sequence {} is followed by `{other}`: {}",
                    received.last_sequence(),
                    event.data
                ),
            },
            Item::TooLarge(error) => return Err(error.into()),
            _ => {}
        }
        Ok(false)
    }

    /// Waits before the next connection, usually for a short time.
    async fn pause(&mut self) -> Result<()> {
        if self.rng.u32(..LONG_PAUSE_RATIO) > 0 {
            sleep(Duration::from_millis(self.rng.u64(..20))).await;
            return Ok(());
        }
        let mut acknowledged = self.shared.ledger.acknowledged();
        let mut phase = self.shared.phase.subscribe();
        let target = *acknowledged.borrow() + 2 * MEMORY_EVENTS;
        tokio::select! {
            reached = acknowledged.wait_for(|count| *count >= target) => {
                reached?;
                self.shared.counts.late.up();
            }
            // No more events come.
            ended = phase.wait_for(|phase| *phase == Phase::Ended) => drop(ended?),
        }
        Ok(())
    }
}

/// Returns the next item, which must arrive in time.
async fn next(source: &mut EventSource) -> Result<Item> {
    let item = timeout(test_timeout(), source.next()).await;
    let item = item.with_context(|| format!("no item after ID {}", source.last_event_id()))?;
    item.context("the stream ends")?
        .map_err(|error| anyhow!(error))
}

/// Returns a configuration with short delays, because the run checks events and not delays.
fn short_delays() -> ClientConfig {
    ClientConfig::default()
        .reconnection_time(Duration::from_millis(5))
        .min_delay(Duration::from_millis(5))
        .max_delay(Duration::from_millis(50))
}
