//! Common part of the servers with our events: their shutdown.

use std::{future::Future, time::Duration};

use sse_hyper::{Event, Farewell, Streams};

/// Waits for `shutdown`, then closes all streams.
pub(super) async fn closed(streams: Streams, shutdown: impl Future<Output = ()>) {
    shutdown.await;
    streams.close(farewell());
}

/// Returns the last event of each stream.
pub(super) fn farewell() -> Farewell {
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    Farewell::new(Event::new("bye}")).with_retry(spread)
}
