//! sse-parse: a parser that queues the events of a chunk. Events own their fields.

use sse_parse::SseParser;

use crate::{feed::Feed, tally::Tally};

/// Feeds the chunks to the parser, and empties its queue after each chunk.
pub(crate) fn decode(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let mut parser = SseParser::new();
    for chunk in feed.slices() {
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            tally.event(event.data.as_bytes());
        }
    }
    tally
}
