//! sse-stream: a stream over a stream of any `Buf`. Events own their fields.

use std::convert::Infallible;

use futures_util::stream;
use sse_stream::SseByteStream;

use crate::{feed::Feed, peers::drain, tally::Tally};

/// Decodes borrowed chunks. The crate also returns blocks without data, which do not count.
pub(crate) fn decode(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let chunks = stream::iter(feed.slices().map(Ok::<_, Infallible>));
    drain(SseByteStream::new(chunks), |event| match event {
        Ok(event) => {
            if let Some(data) = event.data {
                tally.event(data.as_bytes());
            }
        }
        Err(_) => tally.error(),
    });
    tally
}
