//! eventsource-client without reconnection.

use anyhow::{Result, anyhow};
use eventsource_client::{Client as _, ClientBuilder, Error, ReconnectOptions, SSE};
use futures_util::StreamExt as _;
use launchdarkly_sdk_transport::HyperTransport;

use super::Received;

/// Receives one response, from its first byte to its last.
///
/// # Errors
///
/// Returns an error if there is no response, or if the library returns one.
pub async fn receive(uri: &str, mut each: impl FnMut(Received<'_>)) -> Result<()> {
    // Its error type is not `Sync`, which anyhow requires.
    let said = |error: Error| anyhow!("{error}");
    let client = ClientBuilder::for_url(uri)
        .map_err(said)?
        .reconnect(ReconnectOptions::reconnect(false).build())
        .build_with_transport(HyperTransport::new()?);
    let mut stream = client.stream();
    while let Some(event) = stream.next().await {
        match event {
            Ok(SSE::Event(event)) => each(Received::Event {
                event_type: &event.event_type,
                data: &event.data,
                id: event.id.as_deref().unwrap_or(""),
            }),
            Ok(SSE::Connected(_) | SSE::Comment(_)) => {}
            Err(Error::Eof) => break,
            Err(error) => return Err(said(error)),
        }
    }
    Ok(())
}
