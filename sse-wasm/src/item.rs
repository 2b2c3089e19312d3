use core::{fmt, time::Duration};

use sse_proto::{DecodeError, EventId, MessageEvent, client::DisconnectReason};

/// An event of the stream, with its type, its data and the last event ID.
pub type Event = MessageEvent<String, EventId>;

/// An item of a stream: an event, or a change of the connection.
///
/// ```no_run
/// # use sse_wasm::Item;
/// # fn show(item: Item) {
/// match item {
///     Item::Open => { /* show that the page is live */ }
///     Item::Event(event) => { /* event.event_type, event.data, event.last_event_id */ }
///     Item::Disconnected(disconnected) => { /* disconnected.reason and .delay, if they are known */ }
///     Item::Closed(closed) => { /* closed.reason, if it is known */ }
///     Item::Lagged(count) => { /* this number of items was dropped */ }
///     _ => {}
/// }
/// # }
/// ```
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
    /// The error says which of the two. The stream continues. Only a client over `fetch` reports this.
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
    /// Items were dropped at this point, because more than the [limit](crate::Builder::queue_limit) were waiting.
    ///
    /// The value is the number of dropped items.
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

/// A lost or refused connection, and the delay until the next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnected {
    /// The reason, or `None` if the browser does not report it.
    pub reason: Option<DisconnectReason>,
    /// The delay until the next attempt, or `None` if the browser does not report it.
    pub delay: Option<Duration>,
}

/// The end of a connection that will not be opened again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The reason, or `None` if the browser does not report it.
    pub reason: Option<DisconnectReason>,
    /// The headers of the response, empty if the browser does not report them.
    pub headers: Vec<(String, String)>,
    /// The first bytes of the body, by default at most 4 KiB. Empty if the browser does not report it.
    pub body: String,
    /// The exception that prevented the request.
    ///
    /// It comes from the function of [`map_request`](crate::Builder::map_request), or from the browser that rejects the
    /// request.
    pub exception: Option<String>,
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_reason(self.reason, f)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.exception {
            Some(exception) => f.write_str(exception),
            None => fmt_reason(self.reason, f),
        }
    }
}

fn fmt_reason(reason: Option<DisconnectReason>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        Some(reason) => fmt::Display::fmt(&reason, f),
        None => f.write_str("the browser does not report a reason"),
    }
}
