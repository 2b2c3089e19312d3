//! Numbered events, each published once, whatever NATS does meanwhile.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use sse_hub::{Hub, Topic};
use sse_hub_nats::{JetStream, Settings, async_nats};
use sse_hyper::Event;
use testkit::{hub_id::HubId, timeout::test_timeout};
use tokio::time::{Instant, sleep_until};

use super::board::Board;

/// The topic of all events.
pub(super) const TOPIC: &str = "soak";

/// The least that it takes for all: servers are to die and come back meanwhile.
const LEAST: Duration = Duration::from_secs(8);

/// The stream of NATS, as its [`Settings`] name it.
const STREAM: &str = "sse";

/// It goes to NATS by a hub of its own, as a node would: whatever is tried again there is not there
/// twice.
#[derive(Debug)]
pub(super) struct Publisher {
    hub: Hub,
    topic: Topic,
}

impl Publisher {
    pub(super) fn new(url: &str) -> Result<Self> {
        let within = Settings::new().with_publish_within(test_timeout());
        let nats = JetStream::connect(url, within.with_stream(STREAM))?;
        // It only publishes, so it does not have to hear of anything.
        let (hub, _) = Hub::with_backend(sse_hub::Settings::default(), Arc::new(nats));
        Ok(Self {
            hub,
            topic: Topic::new(TOPIC)?,
        })
    }

    /// Publishes the event of this number, and gives its ID.
    pub(super) async fn publish(&self, event: u64) -> Result<HubId> {
        let id = self.hub.publish(&self.topic, Event::new(event.to_string()));
        let id = id
            .await
            .with_context(|| format!("publishing event {event}"))?;
        Ok(HubId::parse(id.as_str())?)
    }

    /// Publishes all, from 1 on, and as far ahead of the average client as nodes keep most of it.
    pub(super) async fn publish_all(self, board: Arc<Board>) -> Result<()> {
        let start = Instant::now();
        for event in 1..=board.events {
            sleep_until(start + LEAST.mul_f64(event as f64 / board.events as f64)).await;
            board
                .wait_until(|it| event < it.mean() + it.kept / 4 * 3)
                .await;
            let begin = Instant::now();
            self.publish(event).await?;
            board.publish(event, begin.elapsed());
        }
        Ok(())
    }
}

/// How many events there are in NATS.
pub(super) async fn stored(url: &str) -> Result<u64> {
    let client = async_nats::connect(url).await?;
    let stream = async_nats::jetstream::new(client)
        .get_stream(STREAM)
        .await?;
    Ok(stream.cached_info().state.messages)
}
