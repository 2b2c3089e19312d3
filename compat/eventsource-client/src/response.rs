//! Head and body of a response.

use std::{fmt, result::Result};

use http::{HeaderMap, HeaderValue, StatusCode, header::ToStrError};
use launchdarkly_sdk_transport::ByteStream;

use crate::HeaderError;

/// Head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
}

impl Response {
    /// Creates a head of these parts.
    pub fn new(status_code: StatusCode, headers: HeaderMap<HeaderValue>) -> Self {
        Self {
            status: status_code,
            headers,
        }
    }

    /// Returns the status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns the names of the headers.
    pub fn get_header_keys(&self) -> Vec<&str> {
        self.headers.keys().map(AsRef::as_ref).collect()
    }

    /// Returns the first value of a header, if there is one.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if the value is not ASCII text.
    pub fn get_header_value(&self, key: &str) -> Result<Option<&str>, HeaderError> {
        self.headers.get(key).map(text).transpose()
    }

    /// Returns all values of a header.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if a value is not ASCII text.
    pub fn get_header_values(&self, key: &str) -> Result<Vec<&str>, HeaderError> {
        self.headers.get_all(key).iter().map(text).collect()
    }
}

fn text(value: &HeaderValue) -> Result<&str, HeaderError> {
    let error = |error: ToStrError| HeaderError::new(error.into());
    value.to_str().map_err(error)
}

/// Body of a response that is not an event stream.
pub struct ErrorBody {
    body: ByteStream,
}

impl ErrorBody {
    /// Creates a body of these bytes.
    pub fn new(body: ByteStream) -> Self {
        Self { body }
    }

    /// Returns the bytes.
    pub fn into_stream(self) -> ByteStream {
        self.body
    }
}

impl fmt::Debug for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorBody").finish_non_exhaustive()
    }
}
