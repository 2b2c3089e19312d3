//! sseer: a stream over a stream of `Bytes`. Events are slices of the chunks if possible.

use std::convert::Infallible;

use futures_util::stream;
use sseer::EventStream;

use crate::{feed::Feed, peers::drain, tally::Tally};

/// Decodes owned chunks, which the crate does not copy.
pub(crate) fn decode(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let chunks = stream::iter(feed.owned().map(Ok::<_, Infallible>));
    drain(EventStream::new(chunks), |event| match event {
        Ok(event) => tally.event(event.data.as_bytes()),
        Err(_) => tally.error(),
    });
    tally
}
