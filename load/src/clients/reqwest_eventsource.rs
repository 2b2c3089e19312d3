//! reqwest-eventsource without reconnection.

use anyhow::Result;
use futures_util::StreamExt as _;
use reqwest_eventsource::{Error, Event, EventSource, retry::Never};

use super::Received;

/// Receives one response, from its first byte to its last.
///
/// # Errors
///
/// Returns an error if there is no response, or if the library returns one.
pub async fn receive(uri: &str, mut each: impl FnMut(Received<'_>)) -> Result<()> {
    let mut source = EventSource::get(uri);
    source.set_retry_policy(Box::new(Never));
    while let Some(event) = source.next().await {
        match event {
            Ok(Event::Open) => {}
            Ok(Event::Message(event)) => each(Received::Event {
                event_type: &event.event,
                data: &event.data,
                id: &event.id,
            }),
            Err(Error::StreamEnded) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
