//! Errors of the decoders.

use core::{error::Error, fmt};

/// Error for a part of an event stream that could not be decoded. Decoding continues after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// An event needs more memory than the limit of the decoder allows.
    ///
    /// The event is dropped up to the next blank line. Decoding continues after it. The ID of the event still
    /// becomes the last event ID, so that a reconnection does not ask for the event again.
    #[non_exhaustive]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// Position of the start of the event, in bytes from the start of the stream.
        offset: u64,
        /// True if the event had an ID before the error. This ID is now the last event ID. An ID later in the
        /// event also becomes the last event ID.
        has_id: bool,
    },
    /// An event ID is longer than the decoder allows.
    ///
    /// The field is ignored, like an ID that contains NUL. The event is still dispatched, with the last event ID
    /// that it would have without this field.
    #[non_exhaustive]
    IdTooLong {
        /// Length of the ID, in bytes: as received, or as text if only U+FFFD makes it too long.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
        /// Position of the start of its line, in bytes from the start of the stream.
        offset: u64,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit, offset, .. } => write!(
                f,
                "the event at byte {offset} of the stream is larger than the limit of {limit} bytes"
            ),
            Self::IdTooLong {
                length,
                limit,
                offset,
            } => write!(
                f,
                "event ID at byte {offset} of the stream is {length} bytes, limit is {limit}"
            ),
        }
    }
}

impl Error for DecodeError {}

/// Error for a last event ID from the caller that is longer than allowed.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdTooLong {
    /// Length of the ID, in bytes.
    pub length: usize,
    /// The limit, in bytes.
    pub limit: usize,
}

#[cfg(feature = "alloc")]
impl fmt::Display for IdTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, limit } = self;
        write!(f, "event ID is {length} bytes, limit is {limit}")
    }
}

#[cfg(feature = "alloc")]
impl Error for IdTooLong {}
