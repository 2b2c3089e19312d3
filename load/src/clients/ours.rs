//! `EventSource` of sse-source.

use anyhow::{Result, bail};
use futures_util::StreamExt as _;
use sse_source::{DisconnectReason, EventSource, Item};

use super::Received;

/// Receives one response, from its first byte to its last.
///
/// # Errors
///
/// Returns an error if there is no response, or if the library returns one.
pub async fn receive(uri: &str, mut each: impl FnMut(Received<'_>)) -> Result<()> {
    let mut source = EventSource::get(uri).build()?;
    while let Some(item) = source.next().await {
        match item? {
            Item::Event(event) => each(Received::Event {
                event_type: &event.event_type,
                data: &event.data,
                id: &event.last_event_id,
            }),
            Item::Disconnected(end) if end.reason == DisconnectReason::EndOfStream => break,
            Item::Disconnected(end) => bail!("{end}"),
            _ => {}
        }
    }
    Ok(())
}
