//! Handling of a response: open the stream, retry, or stop.

use core::time::Duration;

use super::{Action, DisconnectReason, Session, SessionEvent, State, end_of, is_event_stream};

/// Length of an ID, in bytes, above which the ID may be the cause of a 400. nginx answers 400 if a header is too
/// long. `sse-hyper` does so above exactly this length.
const MAX_ID_BYTES_OF_SERVERS: usize = 1024;

impl Session {
    /// Handles the final response, after redirects.
    ///
    /// `retry_after` is the delay that its `Retry-After` asks for, if any: see
    /// [`retry_after_seconds`](super::retry_after_seconds) for a number of seconds, or the time until a date.
    pub fn handle_response(
        &mut self,
        status: u16,
        content_type: Option<&[u8]>,
        retry_after: Option<Duration>,
        now: Duration,
    ) {
        if !matches!(self.state, State::Connecting { .. }) {
            return;
        }
        let reason = match status {
            200 if content_type.is_some_and(is_event_stream) => {
                self.decoder.reset();
                let deadline = end_of(self.config.idle_timeout, now);
                self.state = State::Open {
                    since: now,
                    deadline,
                };
                return self.changes.push_back(SessionEvent::Open);
            }
            200 => DisconnectReason::ContentType,
            _ => DisconnectReason::Status(status),
        };
        self.handle_unexpected_response(reason, self.is_retried(reason), retry_after, now);
    }

    /// Returns whether another attempt follows after this reason, according to the [configuration](super::ClientConfig). A
    /// driver that decides otherwise calls [`handle_unexpected_response`](Self::handle_unexpected_response).
    pub fn is_retried(&self, reason: DisconnectReason) -> bool {
        match reason {
            DisconnectReason::Status(status) => {
                self.config.retry_server_errors
                    && (is_temporary(status) || self.is_refused_for_id(status))
            }
            DisconnectReason::ContentType => false,
            _ => true,
        }
    }

    /// Handles a response that is not an event stream. The driver has decided whether another attempt follows.
    ///
    /// The reason is [`DisconnectReason::Status`] or [`DisconnectReason::ContentType`]. As in [`handle_response`](Self::handle_response),
    /// `retry_after` is the minimum delay.
    pub fn handle_unexpected_response(
        &mut self,
        reason: DisconnectReason,
        retry: bool,
        retry_after: Option<Duration>,
        now: Duration,
    ) {
        if !matches!(self.state, State::Connecting { .. }) {
            return;
        }
        if !retry {
            return self.stop(reason);
        }
        if let DisconnectReason::Status(status) = reason
            && self.is_refused_for_id(status)
        {
            let length = self.last_event_id().len();
            self.decoder.clear_last_event_id();
            self.changes
                .push_back(SessionEvent::LastEventIdDropped { length });
        }
        self.actions.push_back(Action::Abort);
        self.lose(reason, retry_after, now);
    }

    /// Returns whether the server may have refused the request because of the last event ID.
    fn is_refused_for_id(&self, status: u16) -> bool {
        match status {
            400 => self.last_event_id().len() > MAX_ID_BYTES_OF_SERVERS,
            // "Request Header Fields Too Large": RFC 6585, 5.
            431 => !self.last_event_id().is_empty(),
            _ => false,
        }
    }
}

/// Returns whether the status means "not now": 408 "Request Timeout", 425 "Too Early", 429 "Too Many Requests", or
/// a server error.
fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}
