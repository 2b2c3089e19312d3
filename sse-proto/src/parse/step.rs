//! Result of the parser.

use core::time::Duration;

use crate::{Chunk, DecodeError};

/// Result of a call of the parser.
#[derive(Debug)]
pub(crate) enum Step {
    /// The chunk is empty.
    NeedMore,
    /// A block with data ended. An empty type is `None`.
    Event {
        event_type: Option<Place>,
        data: Place,
    },
    Comment(Place),
    Retry(Duration),
    /// A block or an ID is larger than allowed.
    TooLarge(DecodeError),
}

/// Position of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The value is in its buffer in the parser.
    Held,
    /// The value is in the chunk, from the first index to the second.
    Chunk(usize, usize),
}

impl Place {
    /// Returns the value. `held` returns the content of its buffer.
    #[inline(always)]
    pub(crate) fn slice<'a>(self, chunk: &Chunk<'a>, held: impl FnOnce() -> &'a [u8]) -> &'a [u8] {
        match self {
            Self::Held => held(),
            Self::Chunk(start, end) => &chunk.bytes[start..end],
        }
    }

    /// Returns the length of a value in a chunk.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Held => 0,
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
