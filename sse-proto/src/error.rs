//! What can be wrong with what a stream holds.

use core::{error::Error, fmt};

/// Why a part of an event stream could not be decoded. Decoding goes on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// An event would have needed more memory than the decoder's limit allows.
    ///
    /// The event is dropped, and all up to the next blank line with it. What comes after is decoded. Its ID becomes
    /// the last event ID all the same, so that a reconnection does not ask for the event again.
    #[non_exhaustive]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// Where the event starts, in bytes from the start of the stream.
        at: u64,
        /// Whether the event had an ID up to here, which is now the last event ID. One that follows in the event
        /// becomes it too.
        has_id: bool,
    },
    /// An event ID is longer than the decoder allows.
    ///
    /// The field is ignored, as one with NUL is: the event comes, with the last event ID that it would have
    /// without this field.
    #[non_exhaustive]
    IdTooLong {
        /// Length of the ID, in bytes: as it came, or as text if only U+FFFD makes it too long.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
        /// Where its line starts, in bytes from the start of the stream.
        at: u64,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit, at, .. } => write!(
                f,
                "the event at byte {at} of the stream is larger than the limit of {limit} bytes"
            ),
            Self::IdTooLong { length, limit, at } => write!(
                f,
                "event ID at byte {at} of the stream is {length} bytes, limit is {limit}"
            ),
        }
    }
}

impl Error for DecodeError {}

/// A last event ID of the caller's that is longer than allowed.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdTooLong {
    /// How long it is, in bytes.
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
