use core::{error, fmt};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::transport::BoxError;

/// Why there will be no more events.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server answered, but not with an event stream.
    Refused(Refused),
    /// The request could not be made: by whoever [prepares](crate::Builder::with_preparation) it, or
    /// because it is none.
    Request(BoxError),
    /// There was no response, or it broke, and there is to be one try only.
    Network(BoxError),
}

/// A response that is no event stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refused {
    /// Its status. 200, if it is of another type; 204, if the server asks clients to stop.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The first bytes of its body, at most 4 KiB.
    pub body: Bytes,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Request(error) => write!(f, "the request cannot be made: {error}"),
            Self::Network(error) => write!(f, "the network failed: {error}"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status, headers, ..
        } = self;
        match (status.as_u16(), headers.get(http::header::CONTENT_TYPE)) {
            (204, _) => f.write_str("the server asks to stop: status 204"),
            (200, Some(content_type)) => {
                write!(f, "no event stream, but Content-Type: {content_type:?}")
            }
            (200, None) => f.write_str("no event stream, for there is no Content-Type"),
            _ => write!(f, "status {status}"),
        }?;
        match str::from_utf8(&self.body) {
            Ok(text) if !text.trim().is_empty() => write!(f, ": {}", text.trim().escape_debug()),
            _ => Ok(()),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Request(error) | Self::Network(error) => Some(&**error),
        }
    }
}
