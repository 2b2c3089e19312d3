use core::time::Duration;

use super::{Action, Change, Connection, Reason, Settings};

/// An ID longer than this, in bytes, may be why a server answers 400. nginx does, for a header that is too long;
/// so does `sse-hyper`, beyond this very length.
const MAX_ID_BYTES_OF_SERVERS: usize = 1024;

/// Reaction to a response whose status is not 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The request is sent again.
    Retry,
    /// The request is sent again without the last event ID, which may be why the server refused it.
    RetryWithoutId,
    /// "Fail the connection."
    Stop,
}

impl Connection {
    /// The response has another status than 200.
    pub(super) fn refuse(&mut self, status: u16, retry_after: Option<Duration>, now: Duration) {
        let (reason, length) = (Reason::Status(status), self.last_event_id().len());
        match next(status, length, &self.settings) {
            Next::Stop => return self.stop(reason),
            Next::Retry => {}
            Next::RetryWithoutId => {
                self.decoder.clear_last_event_id();
                self.changes
                    .push_back(Change::LastEventIdDropped { length });
            }
        }
        self.actions.push_back(Action::Abort);
        self.lose(reason, retry_after, now);
    }
}

/// Returns what follows this status, after a request with a last event ID of `id_bytes`.
fn next(status: u16, id_bytes: usize, settings: &Settings) -> Next {
    match status {
        _ if !settings.tries_statuses_again => Next::Stop,
        429 | 500..=599 => Next::Retry,
        // "Request Header Fields Too Large": RFC 6585, 5.
        431 if id_bytes > 0 => Next::RetryWithoutId,
        400 if id_bytes > MAX_ID_BYTES_OF_SERVERS => Next::RetryWithoutId,
        _ => Next::Stop,
    }
}
