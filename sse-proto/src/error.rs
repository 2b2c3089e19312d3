//! What can be wrong with what a stream holds.

use core::{error::Error, fmt};

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
