//! Publishes each numbered event exactly once, even if NATS is killed meanwhile.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use sse_hub::{Hub, Topic};
use sse_hub_nats::{JetStream, NatsConfig, async_nats};
use sse_hyper::Event;
use testkit::{hub_id::HubId, timeout::test_timeout};
use tokio::time::{Instant, sleep_until};

use super::board::Board;

/// Topic of all events.
pub(super) const TOPIC: &str = "soak";

/// Minimum time to publish all events, so that servers can be killed and restarted meanwhile.
const MIN_PUBLISH_TIME: Duration = Duration::from_secs(8);

/// Stream of NATS, which is the default of `sse hub`.
const STREAM: &str = "sse";

/// Publisher with its own hub, as in a node, so that events that are sent to NATS again are not stored twice.
#[derive(Debug)]
pub(super) struct Publisher {
    hub: Hub,
    topic: Topic,
}

impl Publisher {
    pub(super) fn new(url: &str) -> Result<Self> {
        let within = NatsConfig::new().publish_timeout(test_timeout());
        let nats = JetStream::new(url, within.stream(STREAM))?;
        // The hub only publishes, so the future that reads from the backend is not needed.
        let (hub, _) = Hub::with_backend(sse_hub::HubConfig::default(), Arc::new(nats));
        Ok(Self {
            hub,
            topic: Topic::new(TOPIC)?,
        })
    }

    /// Publishes the event with this number, and returns its ID.
    pub(super) async fn publish(&self, event: u64) -> Result<HubId> {
        let id = self
            .hub
            .publish((&self.topic, Event::new(event.to_string())));
        let id = id
            .await
            .with_context(|| format!("publishing event {event}"))?;
        Ok(HubId::parse(id.as_str())?)
    }

    /// Publishes all events from number 1. It is ahead of the average client by at most three quarters of the events
    /// that nodes keep.
    pub(super) async fn publish_all(self, board: Arc<Board>) -> Result<()> {
        let start = Instant::now();
        for event in 1..=board.events {
            sleep_until(start + MIN_PUBLISH_TIME.mul_f64(event as f64 / board.events as f64)).await;
            board
                .wait_until(|board| event < board.mean() + board.kept / 4 * 3)
                .await;
            let begin = Instant::now();
            self.publish(event).await?;
            board.publish(event, begin.elapsed());
        }
        Ok(())
    }
}

/// Returns the number of events in NATS.
pub(super) async fn stored(url: &str) -> Result<u64> {
    let client = async_nats::connect(url).await?;
    let stream = async_nats::jetstream::new(client)
        .get_stream(STREAM)
        .await?;
    Ok(stream.cached_info().state.messages)
}
