//! eventsrc: a stream over a stream of slices. Events are slices of its buffer, as `Bytes`.

use std::convert::Infallible;

use eventsrc::EventStream;
use futures_util::stream;

use crate::{feed::Feed, peers::drain, tally::Tally};

/// Decodes borrowed chunks, which the crate copies.
pub(crate) fn decode(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let chunks = stream::iter(feed.slices().map(Ok::<_, Infallible>));
    drain(EventStream::new(chunks), |event| match event {
        Ok(event) => tally.event(event.data().as_bytes()),
        Err(_) => tally.error(),
    });
    tally
}
