//! reqwest-eventsource, told not to reconnect.

use anyhow::Result;
use futures_util::StreamExt as _;
use reqwest_eventsource::{Error, Event, EventSource, retry::Never};

use super::Received;

/// Receives one response, from its first byte to its last.
///
/// # Errors
///
/// If there is none, or if the library makes an error of what is in it.
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
