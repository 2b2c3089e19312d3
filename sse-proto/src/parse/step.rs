//! What the parser comes to, and what that is in bytes.

use core::time::Duration;

use super::Parser;
use crate::{Chunk, DecodeError, Item, MessageEvent, store::Store};

/// What the parser came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// The end of the chunk.
    NeedMore,
    /// The end of a block with data. An empty type is none.
    Event {
        event_type: Option<Place>,
        data: Place,
    },
    Comment(Place),
    Retry(Duration),
    /// A block that is larger than allowed.
    TooLarge(DecodeError),
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the parser's buffer for it.
    Held,
    /// In the chunk, from here to there.
    Chunk(usize, usize),
}

impl Place {
    /// The value, given what the buffer for it holds.
    #[inline(always)]
    pub(crate) fn slice<'a>(self, chunk: &Chunk<'a>, held: impl FnOnce() -> &'a [u8]) -> &'a [u8] {
        match self {
            Self::Held => held(),
            Self::Chunk(start, end) => &chunk.bytes[start..end],
        }
    }

    /// How long a value in a chunk is.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Held => 0,
            Self::Chunk(start, end) => end - start,
        }
    }
}

/// The last event ID string, which outlives blocks and connections.
pub(crate) trait LastEventId {
    /// "Set the last event ID string of the event source to the value of the last event ID buffer."
    fn commit(&mut self, id: &[u8]);

    fn bytes(&self) -> &[u8];
}

impl<S: Store> Parser<S> {
    /// Takes what it needs from the chunk to come to the next item, as bytes.
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
