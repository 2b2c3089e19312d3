//! sse-core: a state machine over any `Buf`. Events own their data.

use sse_core::{SseDecoder, SseEvent};

use crate::{feed::Feed, tally::Tally};

/// Decodes borrowed chunks.
pub(crate) fn decode(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let mut decoder = SseDecoder::new();
    for mut chunk in feed.slices() {
        while let Some(event) = decoder.next(&mut chunk) {
            match event {
                Ok(SseEvent::Message(event)) => tally.event(event.data.as_bytes()),
                Ok(SseEvent::Retry(_)) => {}
                Err(_) => tally.error(),
            }
        }
    }
    tally
}
