//! `send` of sse-source.

use anyhow::Result;
use futures_util::StreamExt as _;
use sse_source::{EventSource, Item};

use super::Received;

/// Receives one response, from its first byte to its last.
///
/// # Errors
///
/// Returns an error if there is no response, or if the library returns one.
pub async fn receive(uri: &str, mut each: impl FnMut(Received<'_>)) -> Result<()> {
    let mut events = EventSource::get(uri).send().await?;
    while let Some(item) = events.next().await {
        if let Item::Event(event) = item? {
            each(Received::Event {
                event_type: &event.event_type,
                data: &event.data,
                id: &event.last_event_id,
            });
        }
    }
    Ok(())
}
