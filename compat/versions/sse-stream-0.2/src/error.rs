//! Error of a stream. Its message contains that of its cause, on which programs depend.

use std::{error, fmt, num::ParseIntError, str::Utf8Error};

/// Error of a stream that is decoded. The stream ends after it.
///
/// Only [`Body`](Self::Body) is ever returned. The other variants are for what the standard says is no error: it is
/// replaced or ignored.
#[derive(Debug)]
pub enum Error {
    /// The body or the stream of bytes failed, or a block or an ID is larger than allowed.
    Body(Box<dyn error::Error + Send + Sync>),
    /// Never returned: a line without a colon is the name of a field.
    InvalidLine,
    /// Never returned: the last type counts.
    DuplicatedEventLine,
    /// Never returned: the last ID counts.
    DuplicatedIdLine,
    /// Never returned: the last time counts.
    DuplicatedRetry,
    /// Never returned: invalid UTF-8 is replaced by U+FFFD.
    Utf8Parse(Utf8Error),
    /// Never returned: a time that is no number is ignored.
    IntParse(ParseIntError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => write!(f, "cannot read the stream: {error}"),
            Self::InvalidLine => f.write_str("invalid line"),
            Self::DuplicatedEventLine => f.write_str("second event line"),
            Self::DuplicatedIdLine => f.write_str("second id line"),
            Self::DuplicatedRetry => f.write_str("second retry line"),
            Self::Utf8Parse(error) => write!(f, "a field is not UTF-8: {error}"),
            Self::IntParse(error) => write!(f, "a time is no number: {error}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Body(error) => Some(&**error),
            Self::Utf8Parse(error) => Some(error),
            Self::IntParse(error) => Some(error),
            _ => None,
        }
    }
}
