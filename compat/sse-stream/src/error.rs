//! Errors of both directions. Their messages contain those of their causes, on which programs depend.

use std::{error, fmt, str::Utf8Error};

/// Error of a cause of any type.
type BoxError = Box<dyn error::Error + Send + Sync>;

/// Error of a stream that is decoded. The stream ends after it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The body or the stream of bytes failed, or a block or an ID is larger than allowed.
    Body(BoxError),
    /// Never returned. Invalid UTF-8 is replaced by U+FFFD, as the standard says.
    Utf8Parse(Utf8Error),
    /// Never returned. The standard says that unknown fields are ignored.
    UnknownField,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => write!(f, "cannot read the stream: {error}"),
            Self::Utf8Parse(error) => write!(f, "a field is not UTF-8: {error}"),
            Self::UnknownField => f.write_str("unknown field"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Body(error) => Some(&**error),
            Self::Utf8Parse(error) => Some(error),
            Self::UnknownField => None,
        }
    }
}

/// Error of a value that would forge another field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The event type has a CR or an LF.
    InvalidEvent,
    /// The ID has a CR, an LF or a NUL.
    InvalidId,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidEvent => "the event type has a CR or an LF",
            Self::InvalidId => "the ID has a CR, an LF or a NUL",
        })
    }
}

impl error::Error for EncodeError {}

/// Error of a body of events. The body ends after it.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// The stream of events failed.
    Stream(BoxError),
    /// An event cannot be encoded.
    Encode(EncodeError),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => write!(f, "the stream of events failed: {error}"),
            Self::Encode(error) => write!(f, "an event cannot be encoded: {error}"),
        }
    }
}

impl error::Error for BodyError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Stream(error) => Some(&**error),
            Self::Encode(error) => Some(error),
        }
    }
}
