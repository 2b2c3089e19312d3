//! Results of the parser: positions of values, and their conversion to items of bytes.

use core::time::Duration;

use super::{Parser, buffer::Buffer};
use crate::{Chunk, DecodeError, Item, MessageEvent};

/// Result of a call of the parser.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// The chunk is empty.
    NeedMore,
    /// A block with data ended. An empty type is `None`.
    Event {
        event_type: Option<Span>,
        data: Span,
    },
    Comment(Span),
    Retry(Duration),
    /// A block or an ID is larger than allowed.
    TooLarge(DecodeError),
}

/// Position of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// The value is in its buffer in the parser.
    Buffer,
    /// The value is in the chunk, from the first index to the second.
    Chunk(usize, usize),
}

impl Span {
    /// No value. A value never starts at the start of a chunk, because the name of its field comes before it.
    #[cfg(feature = "alloc")]
    pub(crate) const NO_VALUE: Self = Self::Chunk(0, 0);

    /// Returns the value. `buffered` returns the content of its buffer.
    #[inline(always)]
    pub(crate) fn slice<'a>(
        self,
        chunk: &Chunk<'a>,
        buffered: impl FnOnce() -> &'a [u8],
    ) -> &'a [u8] {
        match self {
            Self::Buffer => buffered(),
            Self::Chunk(start, end) => &chunk.bytes[start..end],
        }
    }

    /// Returns the length of a value in a chunk.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Buffer => 0,
            Self::Chunk(start, end) => end - start,
        }
    }
}

/// Last event ID string, which outlives blocks and connections.
pub(crate) trait LastEventId {
    /// Commits an ID: "Set the last event ID string of the event source to the value of the last event ID buffer."
    fn commit(&mut self, id: &[u8]);

    fn bytes(&self) -> &[u8];
}

impl<S: Buffer> Parser<S> {
    /// Parses the chunk up to the next item, and returns the item as bytes.
    #[inline(always)]
    pub(crate) fn next_bytes<'a, 'i: 'a>(
        &'a mut self,
        last_event_id: &'a mut impl LastEventId,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a [u8]>>, DecodeError> {
        let parsed = self.next(chunk, last_event_id);
        if let Parsed::Event { event_type, data } = parsed {
            return Ok(Some(Item::Event(MessageEvent {
                event_type: event_type
                    .map_or(b"message", |span| span.slice(chunk, || self.event_type())),
                data: data.slice(chunk, || self.data()),
                last_event_id: last_event_id.bytes(),
            })));
        }
        match parsed {
            Parsed::Event { .. } | Parsed::NeedMore => Ok(None),
            Parsed::TooLarge(error) => Err(error),
            Parsed::Retry(time) => Ok(Some(Item::Retry(time))),
            Parsed::Comment(comment) => {
                Ok(Some(Item::Comment(comment.slice(chunk, || self.comment()))))
            }
        }
    }
}
