use core::{fmt, time::Duration};

use http::{HeaderMap, StatusCode, Uri};
use sse_proto::{DecodeError, EventId, client::DisconnectReason};

use crate::{UnexpectedResponse, error::ErrorChain, transport::BoxError};

/// Event that owns its text. Its `last_event_id` is an [`EventId`], whose memory events share.
pub type MessageEvent<T = String, I = EventId> = sse_proto::MessageEvent<T, I>;

/// Item of an event source: an event, or a change of its connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// The response is an event stream, on the first connection or on a later one.
    //
    // In a box, because an item that is not larger than an event moves in registers.
    Open(Box<ResponseHead>),
    /// An event.
    Event(MessageEvent),
    /// A comment: the text after its colon.
    Comment(String),
    /// The stream has set the reconnection time. It applies within the bounds of the
    /// [configuration](crate::ClientConfig::max_delay).
    Retry(Duration),
    /// An event was too large and is lost, or an event ID was too long and is ignored. The error says which. The items
    /// after it are not lost.
    TooLarge(DecodeError),
    /// The server refused the request because of the last event ID, with 431 or 400. The next request is sent without
    /// the ID, so events may be missed or repeated. [`Item::Disconnected`] follows.
    #[non_exhaustive]
    LastEventIdDropped {
        /// Length of the ID in bytes.
        length: usize,
    },
    /// There is no stream, and another attempt follows.
    Disconnected(Disconnected),
}

impl Item {
    /// Converts an item of the decoder. Returns `None` for an unknown one.
    pub(crate) fn from_decoded(item: sse_proto::Item<String, EventId>) -> Option<Self> {
        Some(match item {
            sse_proto::Item::Event(event) => Self::Event(event),
            sse_proto::Item::Comment(text) => Self::Comment(text),
            sse_proto::Item::Retry(time) => Self::Retry(time),
            _ => return None,
        })
    }
}

/// Response that is an event stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseHead {
    /// URI that sent the response, after redirects. It may have another origin than the request.
    pub uri: Uri,
    /// Headers of the response.
    pub headers: HeaderMap,
}

/// Disconnection, with its reason and the delay of the next attempt.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// Kind of the disconnection.
    pub reason: DisconnectReason,
    /// Response that is not an event stream, if there was one: for example 429 with its headers and body.
    pub response: Option<Box<UnexpectedResponse>>,
    /// Error of the network or of [`map_request`](crate::Builder::map_request), if there was one.
    pub error: Option<BoxError>,
    /// Time from now to the next attempt.
    pub delay: Duration,
}

impl Disconnected {
    /// Returns the status of the response that is not an event stream, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.response.as_ref().map(|response| response.status)
    }

    /// Returns a human-readable cause: the response, or the error with its causes.
    pub fn cause(&self) -> impl fmt::Display {
        Cause(self)
    }
}

struct Cause<'a>(&'a Disconnected);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.error, &self.0.response) {
            (Some(error), _) if self.0.reason == DisconnectReason::Preparation => {
                write!(f, "{}: ", self.0.reason)?;
                ErrorChain(&**error).fmt(f)
            }
            (Some(error), _) => ErrorChain(&**error).fmt(f),
            (None, Some(response)) => response.fmt(f),
            (None, None) => self.0.reason.fmt(f),
        }
    }
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.delay.as_secs_f64();
        write!(f, "{}; again in {seconds:.1} s", self.cause())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A larger item is copied by a function call, which takes a sixth of the time to decode a tiny event.
    #[test]
    fn an_item_is_no_larger_than_an_event() {
        assert!(size_of::<Item>() <= size_of::<MessageEvent>() + size_of::<usize>());
    }
}
