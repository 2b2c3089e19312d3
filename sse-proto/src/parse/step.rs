//! What the parser comes to.

use core::time::Duration;

use crate::{Chunk, DecodeError};

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
    /// A block or an ID that is larger than allowed.
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
