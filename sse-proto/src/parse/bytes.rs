//! Conversion of the parser's results to bytes.

use super::{LastEventId, Parser, Step};
use crate::{Chunk, DecodeError, Item, MessageEvent, store::Store};

impl<S: Store> Parser<S> {
    /// Parses the chunk up to the next item, and returns the item as bytes.
    #[inline(always)]
    pub(crate) fn next_bytes<'a, 'i: 'a>(
        &'a mut self,
        last_event_id: &'a mut impl LastEventId,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a [u8]>>, DecodeError> {
        let step = self.next(chunk, last_event_id);
        if let Step::Event { event_type, data } = step {
            return Ok(Some(Item::Event(MessageEvent {
                event_type: event_type
                    .map_or(b"message", |place| place.slice(chunk, || self.event_type())),
                data: data.slice(chunk, || self.data()),
                last_event_id: last_event_id.bytes(),
            })));
        }
        match step {
            Step::Event { .. } | Step::NeedMore => Ok(None),
            Step::TooLarge(error) => Err(error),
            Step::Retry(time) => Ok(Some(Item::Retry(time))),
            Step::Comment(comment) => {
                Ok(Some(Item::Comment(comment.slice(chunk, || self.comment()))))
            }
        }
    }
}
