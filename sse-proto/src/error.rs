//! What can be wrong with what a caller writes and with what a stream holds.

use core::{error::Error, fmt};

/// Text that cannot stand in the field it was meant for, because a reader would see something else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidValue {
    what: &'static str,
    character: char,
    at: usize,
}

impl InvalidValue {
    /// The character that cannot be carried: CR, LF or NUL.
    pub fn character(&self) -> char {
        self.character
    }

    /// Where it stands, in bytes from the start of the text.
    pub fn at(&self) -> usize {
        self.at
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, consequence) = match self.character {
            '\r' => ("CR", "would end the field"),
            '\n' => ("LF", "would end the field"),
            _ => ("NUL", "would make readers ignore the field"),
        };
        write!(f, "{}: {name} at byte {} {consequence}", self.what, self.at)
    }
}

impl Error for InvalidValue {}

#[cfg(feature = "alloc")]
pub(crate) fn check(
    what: &'static str,
    text: &str,
    forbidden: &[char],
) -> Result<(), InvalidValue> {
    match text.char_indices().find(|(_, c)| forbidden.contains(c)) {
        None => Ok(()),
        Some((at, character)) => Err(InvalidValue {
            what,
            character,
            at,
        }),
    }
}

/// Why a part of an event stream could not be decoded. Decoding goes on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// An event would have needed more memory than the decoder's limit allows.
    ///
    /// The event is dropped, its ID included, and all up to the next blank line with it. What
    /// comes after is decoded.
    #[non_exhaustive]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// Where the event starts, in bytes from the start of the stream.
        at: u64,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit, at } => write!(
                f,
                "the event at byte {at} of the stream is larger than the limit of {limit} bytes"
            ),
        }
    }
}

impl Error for DecodeError {}
