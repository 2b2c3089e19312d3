use core::{ops::RangeInclusive, time::Duration};

use sse_proto::{Event, Output};

use crate::settings::draw;

/// What a stream says before the server ends it. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Farewell {
    event: Option<Event>,
    retry: Option<RangeInclusive<Duration>>,
}

impl Farewell {
    /// This event is the last.
    pub fn new(event: Event) -> Self {
        Self {
            event: Some(event),
            retry: None,
        }
    }

    /// Sends with the event a reconnection time from this range, another to each client, so that
    /// they do not all come back at the same moment. Without an event it is not sent: clients are
    /// known that take a block of nothing else for an event.
    #[must_use]
    pub fn with_retry(mut self, reconnection_time: RangeInclusive<Duration>) -> Self {
        self.retry = Some(reconnection_time);
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
