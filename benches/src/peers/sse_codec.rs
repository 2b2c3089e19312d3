//! sse-codec: a codec over `BytesMut`. Events own their fields.

use bytes::BytesMut;
use futures_codec::Decoder;
use sse_codec::{Event, SSECodec};

use crate::{feed::Feed, tally::Tally};

/// Appends the chunks to the buffer that the crate reads. `FramedRead` would do this too, but with chunks of its
/// own choice.
pub(crate) fn decode(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let mut codec = SSECodec::default();
    let mut buffer = BytesMut::new();
    for chunk in feed.slices() {
        buffer.extend_from_slice(chunk);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(Event::Message { data, .. })) => tally.event(data.as_bytes()),
                Ok(Some(Event::Retry { .. })) => {}
                Ok(None) => break,
                Err(_) => tally.error(),
            }
        }
    }
    tally
}
