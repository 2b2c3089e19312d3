//! Error of a stream.

use alloc::{
    borrow::ToOwned,
    string::{FromUtf8Error, String, ToString},
};
use core::{error::Error, fmt};

use nom::error::{Error as NomError, ErrorKind};
use sse_proto::DecodeError;

/// Error of an [`EventStream`](crate::EventStream).
///
/// Its message contains that of its cause, and `source` is always `None`, because the cause may be of any type.
#[derive(Debug, PartialEq)]
pub enum EventStreamError<E> {
    /// Never returned. Invalid UTF-8 is replaced by U+FFFD, as the standard says.
    Utf8(FromUtf8Error),
    /// An event or an ID is larger than allowed. The stream continues after it.
    Parser(NomError<String>),
    /// Error of the stream of bytes.
    Transport(E),
}

impl<E> From<DecodeError> for EventStreamError<E> {
    fn from(error: DecodeError) -> Self {
        Self::Parser(NomError::new(error.to_string(), ErrorKind::TooLarge))
    }
}

impl<E> From<NomError<&str>> for EventStreamError<E> {
    fn from(error: NomError<&str>) -> Self {
        Self::Parser(NomError::new(error.input.to_owned(), error.code))
    }
}

impl<E: fmt::Display> fmt::Display for EventStreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8(error) => error.fmt(f),
            Self::Parser(error) => error.input.fmt(f),
            Self::Transport(error) => write!(f, "cannot read the stream: {error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for EventStreamError<E> {}
