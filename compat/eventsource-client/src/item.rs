//! Items of a stream.

use crate::Response;

/// Item of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum SSE {
    /// The server has sent the head of an event stream. It comes again after each reconnection.
    Connected(ConnectionDetails),
    /// An event.
    Event(Event),
    /// A comment: the text after the colon.
    Comment(String),
}

/// Connection of an [`SSE::Connected`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionDetails {
    pub(crate) response: Response,
}

impl ConnectionDetails {
    /// Returns the head of the response.
    pub fn response(&self) -> &Response {
        &self.response
    }
}

/// Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Type, `message` if the stream has none.
    pub event_type: String,
    /// Data.
    pub data: String,
    /// Last event ID at this event, if it is not empty.
    pub id: Option<String>,
    /// Reconnection time that came since the previous event, in milliseconds.
    pub retry: Option<u64>,
}
