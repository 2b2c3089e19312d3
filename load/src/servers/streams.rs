//! What the servers with our events have in common.

use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt as _;
use sse_hyper::{Event, Farewell};

use crate::feed::Feed;

/// The feed as our events.
pub(super) fn events(feed: &Feed) -> impl Stream<Item = Event> + Send + Sync + use<> {
    feed.subscribe().map(|text| Event::new(text.to_string()))
}

/// What each stream ends with.
pub(super) fn farewell() -> Farewell {
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    Farewell::new(Event::new("bye}")).with_retry(spread)
}
