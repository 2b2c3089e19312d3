use core::{error, fmt, iter};

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode, Uri,
    header::{CONTENT_TYPE, LOCATION},
};
use sse_proto::client::DisconnectReason;

use crate::{Disconnected, response::content_encoding, transport::BoxError};

/// Maximum number of bytes of a body that are part of an error message.
const MAX_SHOWN_BYTES: usize = 1024;

/// Error that ends an event source.
///
/// The text of the error does not include its cause, which is in `source()`. [`report`](Self::report) returns both.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server sent a response that is not an event stream.
    UnexpectedResponse(Box<UnexpectedResponse>),
    /// The request is not valid, [`map_request`](crate::Builder::map_request) failed, or the request must not be
    /// [repeated](crate::Builder::resend).
    Request(BoxError),
    /// There was no response, or it broke, and no other attempt follows.
    Network(BoxError),
    /// The head of the response did not arrive in time, or the stream was idle for too long, and no other attempt
    /// follows.
    Timeout(DisconnectReason),
    /// The server ended the stream inside an event, which is lost, and no other attempt follows.
    /// [`dispatch_unfinished_event`](crate::Builder::dispatch_unfinished_event) accepts such an event.
    Truncated,
    /// The data of an event is not the JSON that the caller of `json` expects. This error alone does not end the
    /// stream.
    #[cfg(feature = "json")]
    InvalidJson(Box<crate::InvalidJson>),
}

/// Response that is not an event stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnexpectedResponse {
    /// URI that sent the response, after redirects.
    pub uri: Uri,
    /// Status. It is 200 if the response has another content type, and 204 if the server asks the client to stop.
    pub status: StatusCode,
    /// Headers of the response.
    pub headers: HeaderMap,
    /// First bytes of the body: by default at most 64 KiB, which must arrive within 5 s
    /// ([`error_body_limits`](crate::Builder::error_body_limits)).
    pub body: Bytes,
}

impl Error {
    /// Returns the error with its causes, on one line.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use sse_source::EventSource;
    ///
    /// let error = EventSource::get("http://127.0.0.1:1/").send().await.unwrap_err();
    /// assert_eq!(error.to_string(), "network error");
    /// assert!(error.report().to_string().starts_with("network error: client error (Connect): "));
    /// # }
    /// ```
    pub fn report(&self) -> impl fmt::Display {
        ErrorChain(self)
    }

    /// Converts the last disconnection of a source, after which no attempt follows.
    pub(crate) fn from_disconnected(disconnected: Disconnected) -> Self {
        if let Some(response) = disconnected.response {
            return Self::UnexpectedResponse(response);
        }
        match disconnected.error {
            Some(error) if disconnected.reason == DisconnectReason::Preparation => {
                Self::Request(error)
            }
            Some(error) => Self::Network(error),
            None if disconnected.reason == DisconnectReason::Truncated => Self::Truncated,
            None => Self::Timeout(disconnected.reason),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedResponse(response) => response.fmt(f),
            Self::Request(_) => f.write_str("cannot send request"),
            Self::Network(_) => f.write_str("network error"),
            Self::Timeout(reason) => reason.fmt(f),
            Self::Truncated => DisconnectReason::Truncated.fmt(f),
            #[cfg(feature = "json")]
            Self::InvalidJson(_) => f.write_str("data of the event is not the expected JSON"),
        }
    }
}

impl fmt::Display for UnexpectedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status, headers, ..
        } = self;
        if let Some(coding) = content_encoding(headers) {
            return write!(
                f,
                "status {status} with unsupported Content-Encoding: {coding:?}"
            );
        }
        match status.as_u16() {
            204 => f.write_str("the server asks to stop: status 204"),
            200 => match headers.get_all(CONTENT_TYPE).iter().next_back() {
                Some(value) => write!(f, "not an event stream (Content-Type: {value:?})"),
                None => f.write_str("not an event stream (no Content-Type)"),
            },
            _ => write!(f, "status {status}"),
        }?;
        if status.is_redirection()
            && let Some(location) = headers.get(LOCATION)
        {
            write!(f, ", redirect to {location:?} not followed")?;
        }
        let is_cut = self.body.len() > MAX_SHOWN_BYTES;
        // The valid UTF-8 at the start is shown, because a cut may be inside a character.
        let Some(chunk) = self.body[..self.body.len().min(MAX_SHOWN_BYTES)]
            .utf8_chunks()
            .next()
            .filter(|chunk| is_cut || chunk.invalid().is_empty())
        else {
            return Ok(());
        };
        match chunk.valid().trim() {
            "" => Ok(()),
            text if is_cut => write!(f, ": {} [{} bytes]", text.escape_debug(), self.body.len()),
            text => write!(f, ": {}", text.escape_debug()),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::UnexpectedResponse(_) | Self::Timeout(_) | Self::Truncated => None,
            Self::Request(error) | Self::Network(error) => Some(&**error),
            #[cfg(feature = "json")]
            Self::InvalidJson(invalid) => Some(&invalid.error),
        }
    }
}

/// Error with its chain of sources, on one line.
///
/// hyper's errors say only that something failed, and their sources say why. Some errors of other crates repeat their
/// source, which is then written once.
pub(crate) struct ErrorChain<'a>(pub(crate) &'a (dyn error::Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        f.write_str(&text)?;
        for cause in iter::successors(self.0.source(), |cause| cause.source()) {
            let cause = cause.to_string();
            if !text.ends_with(&cause) {
                write!(f, ": {cause}")?;
            }
            text = cause;
        }
        Ok(())
    }
}
