//! Errors of a client.

use std::{error, fmt};

use launchdarkly_sdk_transport::TransportError;

use crate::response::{ErrorBody, Response};

type BoxError = Box<dyn error::Error + Send + Sync + 'static>;

/// Result with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Error of a client.
#[derive(Debug)]
pub enum Error {
    /// Never returned. The transport has the timeouts.
    TimedOut,
    /// The URL, the method, a header or the last event ID is invalid.
    InvalidParameter(BoxError),
    /// The response is not an event stream: its status is not 200, or it has another content type.
    UnexpectedResponse(Response, ErrorBody),
    /// An event or an ID is larger than allowed. The stream continues after it.
    HttpStream(BoxError),
    /// There was no response, or it broke.
    Transport(TransportError),
    /// The response ended.
    Eof,
    /// The response ended inside an event, which is lost.
    UnexpectedEof,
    /// Never returned. Invalid UTF-8 is replaced by U+FFFD, as the standard says.
    InvalidLine(String),
    /// Never returned. A block without data is no event, as the standard says.
    InvalidEvent,
    /// A redirect has no `Location` header, or one that is not an http or https URL.
    MalformedLocationHeader(BoxError),
    /// There were more redirects than allowed.
    MaxRedirectLimitReached(u32),
}

impl Error {
    pub(crate) fn invalid_parameter(error: impl Into<BoxError>) -> Self {
        Self::InvalidParameter(error.into())
    }

    /// Returns whether this is an [`Error::HttpStream`].
    pub fn is_http_stream_error(&self) -> bool {
        matches!(self, Self::HttpStream(_))
    }

    /// Returns the cause, if any.
    pub fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::InvalidParameter(error)
            | Self::HttpStream(error)
            | Self::MalformedLocationHeader(error) => Some(error.as_ref()),
            Self::Transport(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no data in time"),
            Self::InvalidParameter(_) => f.write_str("cannot make the request"),
            Self::UnexpectedResponse(response, _) => {
                write!(f, "not an event stream: status {}", response.status())
            }
            Self::HttpStream(_) => f.write_str("cannot read the stream"),
            Self::Transport(_) => f.write_str("network error"),
            Self::Eof => f.write_str("the response ended"),
            Self::UnexpectedEof => f.write_str("the response ended inside an event"),
            Self::InvalidLine(line) => write!(f, "line is not valid: {line:?}"),
            Self::InvalidEvent => f.write_str("event is not valid"),
            Self::MalformedLocationHeader(_) => f.write_str("redirect has no valid location"),
            Self::MaxRedirectLimitReached(limit) => {
                write!(f, "too many redirects, limit is {limit}")
            }
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source()
    }
}

/// Only [`Error::UnexpectedEof`] and lines with the same text are equal, because most causes cannot be compared.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::InvalidLine(line), Self::InvalidLine(other)) => line == other,
            (Self::UnexpectedEof, Self::UnexpectedEof) => true,
            _ => false,
        }
    }
}

/// Error of a response header that is not ASCII text.
#[derive(Debug)]
pub struct HeaderError {
    cause: BoxError,
}

impl HeaderError {
    /// Creates an error with this cause.
    pub fn new(err: Box<dyn error::Error + Send + Sync + 'static>) -> Self {
        Self { cause: err }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("response header is not valid")
    }
}

impl error::Error for HeaderError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(self.cause.as_ref())
    }
}
