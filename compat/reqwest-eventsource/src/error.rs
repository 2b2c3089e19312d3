//! Errors of a client.

use std::{error, fmt, string::FromUtf8Error};

use eventsource_stream::EventStreamError;
use nom::error::Error as NomError;
use reqwest::{Response, StatusCode, header::HeaderValue};

/// Error of a request that cannot be sent twice, because its body is a stream.
#[derive(Clone, Copy, Debug)]
pub struct CannotCloneRequestError;

impl fmt::Display for CannotCloneRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request cannot be cloned, so it cannot be sent again")
    }
}

impl error::Error for CannotCloneRequestError {}

/// Error of an [`EventSource`](crate::EventSource).
#[derive(Debug)]
pub enum Error {
    /// Never returned. Invalid UTF-8 is replaced by U+FFFD, as the standard says.
    Utf8(FromUtf8Error),
    /// An event or an ID is larger than allowed.
    Parser(NomError<String>),
    /// The request failed, or the response was cut.
    Transport(reqwest::Error),
    /// The response has another `Content-Type` than `text/event-stream`, or an empty one if it has none.
    InvalidContentType(HeaderValue, Response),
    /// The response has another status than 200.
    InvalidStatusCode(StatusCode, Response),
    /// The last event ID cannot be sent, because it has control characters.
    InvalidLastEventId(String),
    /// The response ended.
    StreamEnded,
}

impl From<EventStreamError<reqwest::Error>> for Error {
    fn from(error: EventStreamError<reqwest::Error>) -> Self {
        match error {
            EventStreamError::Utf8(error) => Self::Utf8(error),
            EventStreamError::Parser(error) => Self::Parser(error),
            EventStreamError::Transport(error) => Self::Transport(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8(error) => error.fmt(f),
            Self::Parser(error) => f.write_str(&error.input),
            Self::Transport(error) => error.fmt(f),
            Self::InvalidContentType(value, _) => {
                write!(
                    f,
                    "the response has the content type {value:?}, not text/event-stream"
                )
            }
            Self::InvalidStatusCode(status, _) => {
                write!(f, "the response has status {status}, not 200")
            }
            Self::InvalidLastEventId(id) => {
                write!(f, "last event ID {id:?} cannot be sent in a header")
            }
            Self::StreamEnded => f.write_str("the response ended"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Utf8(error) => error.source(),
            Self::Transport(error) => error.source(),
            _ => None,
        }
    }
}
