use core::{ops::RangeInclusive, time::Duration};

use sse_proto::{Event, EventId, Output};

use crate::{config::draw, own_type::with_own_type};

/// Last event of a stream that the server ends. By default, the stream ends without one.
#[derive(Clone, Debug, Default)]
pub struct CloseEvent {
    event: Option<Event>,
    retry: Option<RangeInclusive<Duration>>,
}

impl CloseEvent {
    /// Creates a close event from the event that each stream ends with.
    ///
    /// An event without a type, or of the type `message`, gets the type `closing`. So it does not reach the
    /// `onmessage` of a page, which parses the data of the application.
    ///
    /// ```
    /// use sse_hyper::{Encoded, Event, CloseEvent};
    ///
    /// let close event = CloseEvent::new(Event::new("back soon"));
    /// assert_eq!(Encoded::from(&close event).to_string(), "event: closing\ndata: back soon\n\n");
    /// ```
    pub fn new(event: Event) -> Self {
        Self {
            event: Some(with_own_type(event, "closing")),
            retry: None,
        }
    }

    /// Sets a range of reconnection times; each client gets a random one with the event.
    ///
    /// So the clients do not all reconnect at the same time. Without an event no time is sent, because some clients
    /// dispatch an event for a block that has only a reconnection time.
    #[must_use]
    pub fn with_retry(mut self, reconnection_time: RangeInclusive<Duration>) -> Self {
        self.retry = Some(reconnection_time);
        self
    }

    /// Sets the ID of the event, after which the client resumes. Without an event, no ID is sent.
    #[must_use]
    pub fn with_id(mut self, id: EventId) -> Self {
        self.event = self.event.map(|event| event.with_id(id));
        self
    }

    pub(crate) fn encode(&self, out: &mut impl Output) {
        match (&self.event, &self.retry) {
            (Some(event), Some(retry)) => event.clone().with_retry(draw(retry)).encode(out),
            (Some(event), None) => event.encode(out),
            (None, _) => {}
        }
    }
}
