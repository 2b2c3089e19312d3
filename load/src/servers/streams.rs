//! What the servers with our events have in common.

use std::{future::Future, time::Duration};

use sse_hyper::{Event, Farewell, Streams};

/// Is ready once the other is, and all streams are told to end.
pub(super) async fn closed(streams: Streams, shutdown: impl Future<Output = ()>) {
    shutdown.await;
    streams.close(farewell());
}

/// What each stream ends with.
pub(super) fn farewell() -> Farewell {
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    Farewell::new(Event::new("bye}")).with_retry(spread)
}
