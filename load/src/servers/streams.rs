//! Common part of the servers with our events: their shutdown.

use std::{future::Future, time::Duration};

use sse_hyper::{CloseEvent, Event, StreamTracker};

/// Waits for `shutdown`, then closes all streams.
pub(super) async fn closed(streams: StreamTracker, shutdown: impl Future<Output = ()>) {
    shutdown.await;
    streams.close(close_event());
}

/// Returns the last event of each stream.
pub(super) fn close_event() -> CloseEvent {
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    CloseEvent::new(Event::new("bye}")).with_retry(spread)
}
