use core::{fmt, time::Duration};

use sse_proto::{DecodeError, EventId, MessageEvent, client::DisconnectReason};

/// An event of the stream, with its type, its data and the last event ID.
pub type Event = MessageEvent<String, EventId>;

/// An event of the stream, or a change of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// The connection is open, for the first time or again.
    Open,
    /// An event was received.
    Event(Event),
    /// A comment was received: the text after its colon.
    ///
    /// Only a client over `fetch` has comments, because `EventSource` does not report them.
    Comment(String),
    /// The stream set another reconnection time. Only a client over `fetch` reports it.
    Retry(Duration),
    /// An event was larger than the limit and is lost, or an event ID was longer than the limit and is ignored.
    ///
    /// The error tells which. The stream continues. Only a client over `fetch` reports this.
    TooLarge(DecodeError),
    /// The server refused the last event ID, with status 431 or 400.
    ///
    /// The next request is sent without the ID, so events can be missed or repeated. [`Item::Disconnected`] follows.
    #[non_exhaustive]
    LastEventIdDropped {
        /// The length of the ID in bytes.
        length: usize,
    },
    /// The connection was lost or refused, and there will be another attempt.
    Disconnected(Disconnected),
    /// The connection was refused for good, or a request that is sent once is over. The stream ends.
    Closed(Closed),
    /// The number of items that were dropped at this point, because more than the
    /// [limit](crate::Builder::queue_limit) were waiting.
    Lagged(u64),
}

#[cfg(feature = "fetch")]
impl Item {
    /// Converts an item of the decoder, or returns `None` if there is no equivalent.
    pub(crate) fn from_decoded(item: sse_proto::Item<String, EventId>) -> Option<Self> {
        Some(match item {
            sse_proto::Item::Event(event) => Self::Event(event),
            sse_proto::Item::Comment(text) => Self::Comment(text),
            sse_proto::Item::Retry(time) => Self::Retry(time),
            _ => return None,
        })
    }
}

/// A connection that was lost or refused, and the delay until the next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnected {
    /// The reason, or `None` if the browser does not report it.
    pub reason: Option<DisconnectReason>,
    /// The delay until the next attempt, or `None` if the browser does not report it.
    pub delay: Option<Duration>,
}

/// A connection that has ended for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The reason, or `None` if the browser does not report it.
    pub reason: Option<DisconnectReason>,
    /// The headers of the response, empty if the browser does not report them.
    pub headers: Vec<(String, String)>,
    /// The first bytes of the body, by default at most 4 KiB.
    pub body: String,
    /// The exception that prevented the request: of the function that prepares it, or of the browser that rejects it.
    pub fault: Option<String>,
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        because(self.reason, f)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Some(fault) => f.write_str(fault),
            None => because(self.reason, f),
        }
    }
}

fn because(reason: Option<DisconnectReason>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        Some(reason) => fmt::Display::fmt(&reason, f),
        None => f.write_str("the browser does not report a reason"),
    }
}
