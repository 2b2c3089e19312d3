//! What the servers with our events have in common.

use futures_core::Stream;
use futures_util::StreamExt as _;
use sse_hyper::Event;

use crate::feed::Feed;

/// The feed as our events.
pub(super) fn events(feed: &Feed) -> impl Stream<Item = Event> + Send + Sync + use<> {
    feed.subscribe().map(|text| Event::new(text.to_string()))
}

/// Ends all open streams, so that the server can shut down.
///
/// There is no way to do that yet: the streams go on, and the shutdown waits for them for ever.
pub(super) fn close_all() {}
