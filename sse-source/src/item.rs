use core::{fmt, time::Duration};

use http::{HeaderMap, StatusCode, Uri};
use sse_proto::{DecodeError, EventId, connection::Reason};

use crate::{Refused, causes::with_causes, transport::BoxError};

/// An event, as text to keep: its `last_event_id` is an [`EventId`], which events share.
pub type MessageEvent<T = String, I = EventId> = sse_proto::MessageEvent<T, I>;

/// What an event source says, one thing at a time.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// The stream is there, after the first or another connection. In a box, because an item that is no larger than
    /// an event moves in registers.
    Open(Box<Open>),
    /// An event.
    Event(MessageEvent),
    /// A comment: all that follows its colon.
    Comment(String),
    /// What the stream asks for as its reconnection time. It is heeded, within the bounds of the
    /// [settings](crate::Settings::with_bounds).
    Retry(Duration),
    /// An event was larger than allowed and is lost, or an event ID was and is ignored: the error says which. What
    /// follows is not lost.
    TooLarge(DecodeError),
    /// The server refused the request because of the last event ID, with 431 or 400. The next one is sent without it,
    /// so events may be missed, or come again. [`Item::Disconnected`] follows.
    #[non_exhaustive]
    LastEventIdDropped {
        /// How long the ID was, in bytes.
        length: usize,
    },
    /// The stream is not there, and there will be another try.
    Disconnected(Disconnected),
}

impl Item {
    /// What the decoder says, if there is a word for it.
    pub(crate) fn from_decoded(item: sse_proto::Item<String, EventId>) -> Option<Self> {
        Some(match item {
            sse_proto::Item::Event(event) => Self::Event(event),
            sse_proto::Item::Comment(text) => Self::Comment(text),
            sse_proto::Item::Retry(time) => Self::Retry(time),
            _ => return None,
        })
    }
}

/// A response that is an event stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Open {
    /// The URI that it is from, after redirects. Another origin than that of the request may have sent the events.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
}

/// Why the stream is not there, and for how long.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// Why, in short.
    pub reason: Reason,
    /// The response that is not an event stream, if there was one: for example 429 with its headers and body.
    pub response: Option<Box<Refused>>,
    /// The error of the network or of the preparation, if there was one.
    pub error: Option<BoxError>,
    /// How long after now the next attempt is.
    pub delay: Duration,
}

impl Disconnected {
    /// Returns the status of the response that is not an event stream, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.response.as_ref().map(|response| response.status)
    }

    /// Why, with all that is known, for people.
    pub fn cause(&self) -> impl fmt::Display {
        Cause(self)
    }
}

struct Cause<'a>(&'a Disconnected);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.error, &self.0.response) {
            (Some(error), _) if self.0.reason == Reason::Preparation => {
                write!(f, "{}: ", self.0.reason)?;
                with_causes(&**error, f)
            }
            (Some(error), _) => with_causes(&**error, f),
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

    /// A larger item is copied by a call, which takes a sixth of the time of a tiny event.
    #[test]
    fn an_item_is_no_larger_than_an_event() {
        assert!(size_of::<Item>() <= size_of::<MessageEvent>() + size_of::<usize>());
    }
}
