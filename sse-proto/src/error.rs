//! Errors of the decoders, and of text that cannot be encoded.

#[cfg(feature = "alloc")]
use core::convert::Infallible;
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

/// Error for text that is not valid in its field, because a client would read something else.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidValue {
    /// Name of the field, for the message.
    pub(crate) field: &'static str,
    pub(crate) character: char,
    pub(crate) offset: usize,
}

#[cfg(feature = "alloc")]
impl InvalidValue {
    /// Returns the invalid character: CR, LF or NUL.
    pub fn character(&self) -> char {
        self.character
    }

    /// Returns the position of the character, in bytes from the start of the text.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

#[cfg(feature = "alloc")]
impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, consequence) = match self.character {
            '\r' => ("CR", "would end the field"),
            '\n' => ("LF", "would end the field"),
            _ => ("NUL", "would make readers ignore the field"),
        };
        write!(
            f,
            "{}: {name} at byte {} {consequence}",
            self.field, self.offset
        )
    }
}

#[cfg(feature = "alloc")]
impl Error for InvalidValue {}

/// Accepts conversions to an [`EventId`](crate::EventId) that cannot fail where one that can fail is expected.
#[cfg(feature = "alloc")]
impl From<Infallible> for InvalidValue {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
