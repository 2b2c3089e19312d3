//! Last event of a stream that the server ends.

use core::{error, fmt, ops::RangeInclusive, time::Duration};

use crate::{Event, EventId, EventType, Output};

/// Type of a close event without a type of its own.
const CLOSING: EventType = EventType::from_static("closing");

/// Last event of a stream that the server ends. By default, the stream ends without one.
///
/// ```
/// use sse_proto::{CloseEvent, Event};
/// use std::time::Duration;
///
/// let close_event = CloseEvent::new(Event::new("back soon"))
///     .with_retry(Duration::from_secs(1)..=Duration::from_secs(10));
/// let mut block = String::new();
/// close_event.encode(2500, &mut block);
/// assert_eq!(block, "event: closing\nretry: 3500\ndata: back soon\n\n");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CloseEvent {
    event: Option<Event>,
    retry: Option<RangeInclusive<Duration>>,
}

impl CloseEvent {
    /// Creates a close event from the event that each stream ends with.
    ///
    /// An event without a type, or of the type `message`, gets the type `closing`. So it does not reach the
    /// `onmessage` of a page, which parses the data of the application.
    pub fn new(event: Event) -> Self {
        Self {
            event: Some(event.with_default_type(CLOSING)),
            retry: None,
        }
    }

    /// Sets a range of reconnection times; each client gets a random one with the event.
    ///
    /// So the clients do not all reconnect at the same time. Without an event no time is sent, because some clients
    /// dispatch an event for a block that has only a reconnection time.
    pub fn with_retry(mut self, reconnection_time: RangeInclusive<Duration>) -> Self {
        self.retry = Some(reconnection_time);
        self
    }

    /// Sets the ID of the event, after which the client resumes. Without an event, no ID is sent.
    pub fn with_id(mut self, id: EventId) -> Self {
        self.event = self.event.map(|event| event.with_id(id));
        self
    }

    /// Encodes the close event for one stream.
    ///
    /// `random` selects the reconnection time from its range, in whole milliseconds. Pass a different random number
    /// for each stream. Nothing is written without an event.
    pub fn encode(&self, random: u64, out: &mut impl Output) {
        match (&self.event, &self.retry) {
            (Some(event), Some(retry)) => {
                let retry = select(retry, random);
                event.encode_with(event.id(), Some(retry), out);
            }
            (Some(event), None) => event.encode(out),
            (None, _) => {}
        }
    }

    /// Encodes the close event for one stream, as [`encode`](Self::encode) does.
    #[cfg(feature = "bytes")]
    pub fn encoded(&self, random: u64) -> crate::Encoded {
        crate::Encoded::from_encoder(|blocks| self.encode(random, blocks))
    }
}

/// Reason for which a stream ends. The error of a stream of results can be a close event.
impl fmt::Display for CloseEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stream is closed by the server")
    }
}

impl error::Error for CloseEvent {}

/// Returns the duration of the range that the number selects, in whole milliseconds. An empty range has its start.
fn select(range: &RangeInclusive<Duration>, random: u64) -> Duration {
    let milliseconds = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (start, end) = (milliseconds(range.start()), milliseconds(range.end()));
    let offset = match end.saturating_sub(start).checked_add(1) {
        Some(len) => random % len,
        None => random,
    };
    Duration::from_millis(start + offset)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn reconnection_times_are_in_their_range() {
        let times = [0, 1, 999, 1000, u64::MAX].map(Duration::from_millis);
        for (start, end) in times
            .into_iter()
            .flat_map(|start| times.map(|end| (start, end)))
        {
            for random in [0, 1, 7, u64::MAX - 1, u64::MAX] {
                let time = select(&(start..=end), random);
                assert!(start <= time && time <= end.max(start), "{start:?} {end:?}");
            }
        }
        let all = 0..=u64::MAX;
        let range = Duration::from_millis(*all.start())..=Duration::MAX;
        assert_eq!(select(&range, 42), Duration::from_millis(42));
    }

    #[test]
    fn no_event_is_nothing() {
        let mut block = String::new();
        CloseEvent::default()
            .with_retry(Duration::ZERO..=Duration::MAX)
            .with_id(EventId::from(1_u64))
            .encode(7, &mut block);
        assert_eq!(block, "");
    }
}
