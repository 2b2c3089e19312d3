//! A publisher: it sends its next event when the previous one is acknowledged, or when its response is cut.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use fastrand::Rng;
use http::StatusCode;
use tokio::time::sleep;

use super::{Shared, note::topic_name};
use crate::hub_publisher::{HubPublisher, published_id};

/// State of all publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// They publish.
    Publish,
    /// They send no event until the phase changes.
    Pause,
    /// Each ends after its next acknowledged event.
    End,
    /// All have ended.
    Ended,
}

/// Publishes until the phase is [`Phase::End`] and the last event is acknowledged.
pub(super) async fn publish(publisher: usize, mut rng: Rng, shared: Arc<Shared>) -> Result<()> {
    let Shared {
        port,
        ledger,
        counts,
        phase,
    } = &*shared;
    let mut phase = phase.subscribe();
    loop {
        let Ok(mut connection) = HubPublisher::connect(*port).await else {
            counts.refused.up();
            sleep(Duration::from_millis(rng.u64(10..100))).await;
            continue;
        };
        loop {
            phase.wait_for(|phase| *phase != Phase::Pause).await?;
            if !connection.is_ready().await {
                break;
            }
            let note = ledger.add(publisher);
            let topic = topic_name(note.topic());
            let Ok(response) = connection.publish(&topic, note.data()).await else {
                counts.cut.up();
                ledger.finish();
                break;
            };
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                // A very busy machine does not store the event in time. It may be stored later.
                counts.unavailable.up();
                ledger.finish();
                continue;
            }
            let id = published_id(&response).with_context(|| format!("{note:?}"))?;
            ledger.acknowledge(note, id)?;
            if *phase.borrow() == Phase::End {
                return Ok(());
            }
        }
    }
}
