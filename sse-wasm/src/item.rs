use core::{fmt, time::Duration};

use sse_proto::{DecodeError, EventId, MessageEvent, connection::Reason};

/// An event, as it came.
pub type Event = MessageEvent<String, EventId>;

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// The connection stands, for the first time or again.
    Open,
    /// An event came.
    Event(Event),
    /// A comment came: all that follows its colon. Browsers keep them to themselves, so only a
    /// client over `fetch` has them; so it is with the next two.
    Comment(String),
    /// The stream asks for another reconnection time.
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
    /// The connection was lost or refused, and there will be another try.
    Disconnected(Disconnected),
    /// The connection was refused for good, or a request that is sent once is over, and the stream ends.
    Closed(Closed),
    /// So many items were dropped here, because more than the
    /// [limit](crate::Builder::with_queue_limit) were waiting.
    Lagged(u64),
}

#[cfg(feature = "fetch")]
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

/// Why there is no connection for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnected {
    /// Why; `None` if the browser does not say.
    pub reason: Option<Reason>,
    /// How long after now the next try is; `None` if the browser does not say.
    pub delay: Option<Duration>,
}

/// Why there is no connection any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Why; `None` if the browser does not say.
    pub reason: Option<Reason>,
    /// The headers of the response; none if the browser does not show them.
    pub headers: Vec<(String, String)>,
    /// The first bytes of the body, at most 4 KiB.
    pub body: String,
    /// What a function of the caller threw, when it was to prepare the request.
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

fn because(reason: Option<Reason>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        Some(reason) => fmt::Display::fmt(&reason, f),
        None => f.write_str("the browser does not say why"),
    }
}
