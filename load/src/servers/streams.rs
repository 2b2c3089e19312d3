//! What the servers with our events have in common.

use std::time::Duration;

use sse_hyper::{Event, Farewell};

/// What each stream ends with.
pub(super) fn farewell() -> Farewell {
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    Farewell::new(Event::new("bye}")).with_retry(spread)
}
