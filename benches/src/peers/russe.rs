//! russe, from actix-web-lab: a codec over `BytesMut`. Events own their fields.

use bytes::BytesMut;
use russe::{Decoder, Event};
use tokio_util::codec::Decoder as _;

use crate::{feed::Feed, tally::Tally};

/// Appends the chunks to the buffer that the crate reads. `FramedRead` would do this too, but with chunks of its
/// own choice.
pub(crate) fn decode(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::new();
    for chunk in feed.slices() {
        buffer.extend_from_slice(chunk);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(Event::Message(message))) => tally.event(message.data.as_bytes()),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    tally.error();
                    break;
                }
            }
        }
    }
    tally
}
