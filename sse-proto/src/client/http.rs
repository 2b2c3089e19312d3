//! HTTP: status, content type and `Retry-After` of a response, and whether to open the stream, retry, or stop.

use core::time::Duration;

use super::{DisconnectReason, Session, SessionEvent, State, deadline_after};
use crate::parser::field::integer;

/// Length of an ID, in bytes, above which the ID may be the cause of a 400. nginx answers 400 if a header is too
/// long. `sse-hyper` does so above exactly this length.
const MAX_ID_BYTES_OF_SERVERS: usize = 1024;

/// Verdict on a response, from [`Session::handle_response`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use = "an unexpected response needs a call of `handle_unexpected_response`"]
pub enum Verdict {
    /// The response is an event stream, and the session is open: decode the body.
    Stream,
    /// The response is not an event stream.
    ///
    /// The driver calls [`handle_unexpected_response`](Session::handle_unexpected_response), at once or after it has
    /// read the body. The session has no timeout until then.
    Unexpected {
        /// [`DisconnectReason::Status`] or [`DisconnectReason::ContentType`].
        reason: DisconnectReason,
        /// `true` if another attempt follows, according to the [configuration](super::ClientConfig). The driver can
        /// decide otherwise.
        is_retried: bool,
    },
    /// The session does not wait for a response: drop it.
    Ignored,
}

impl Session {
    /// Handles the head of the final response, after redirects.
    pub fn handle_response(
        &mut self,
        status: u16,
        content_type: Option<&[u8]>,
        now: Duration,
    ) -> Verdict {
        let State::Connecting { deadline } = &mut self.state else {
            return Verdict::Ignored;
        };
        let reason = match status {
            200 if content_type.is_some_and(is_event_stream) => {
                self.decoder.reset();
                let deadline = deadline_after(self.config.idle_timeout, now);
                self.state = State::Open {
                    since: now,
                    deadline,
                };
                self.push_event(SessionEvent::Open);
                return Verdict::Stream;
            }
            200 => DisconnectReason::ContentType,
            _ => DisconnectReason::Status(status),
        };
        *deadline = None;
        let is_retried = status != 200
            && self.config.retry_server_errors
            && (is_temporary(status) || self.is_refused_for_id(status));
        Verdict::Unexpected { reason, is_retried }
    }

    /// Handles a response that is not an event stream. The driver has decided whether another attempt follows.
    ///
    /// The driver drops the response: no [`Action::Abort`](super::Action::Abort) follows. `reason` is that of the
    /// [`Verdict`]. `retry_after` is the delay that `Retry-After` asks for, if any: see [`retry_after_seconds`] for a
    /// number of seconds, or the time until a date.
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
        self.drop_actions();
        if !retry {
            return self.fail(reason);
        }
        if let DisconnectReason::Status(status) = reason
            && self.is_refused_for_id(status)
        {
            let length = self.last_event_id().len();
            self.decoder.clear_last_event_id();
            self.push_event(SessionEvent::LastEventIdDropped { length });
        }
        self.disconnect(reason, retry_after, now);
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

/// Returns whether a `Content-Type` value is `text/event-stream`, in any letter case and with any parameters.
///
/// The standard says: "process the response ... If the response's status is not 200, or if its `Content-Type` is
/// not `text/event-stream`, then fail the connection." The charset is ignored, because event streams are always
/// UTF-8.
///
/// If there are several such headers, join their values with commas. The last value that is a valid type counts,
/// as the Fetch Standard [extracts it](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type).
pub fn is_event_stream(value: &[u8]) -> bool {
    let mut quotes = Quotes::Outside;
    let mut is_stream = false;
    for value in value.split(|byte| quotes.separates(*byte)) {
        if let Some(essence) = essence(value) {
            is_stream = essence.eq_ignore_ascii_case(b"text/event-stream");
        }
    }
    is_stream
}

/// Returns the type without parameters, as the MIME Sniffing Standard parses it
/// ([4.4](https://mimesniff.spec.whatwg.org/#parsing-a-mime-type)). White space around it is removed. `*/*` is not
/// a type.
fn essence(value: &[u8]) -> Option<&[u8]> {
    let essence = value.split(|byte| *byte == b';').next()?.trim_ascii();
    let slash = essence.iter().position(|byte| *byte == b'/')?;
    let (first, second) = (&essence[..slash], &essence[slash + 1..]);
    (is_token(first) && is_token(second) && essence != b"*/*").then_some(essence)
}

fn is_token(name: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_part)
}

/// State of the quoted string: inside of quotes, a comma is a part of the value.
enum Quotes {
    Outside,
    Inside,
    Escaped,
}

impl Quotes {
    /// Returns whether the next byte separates two values.
    fn separates(&mut self, byte: u8) -> bool {
        *self = match (&self, byte) {
            (Self::Outside, b',') => return true,
            (Self::Outside, b'"') | (Self::Escaped, _) => Self::Inside,
            (Self::Inside, b'"') => Self::Outside,
            (Self::Inside, b'\\') => Self::Escaped,
            _ => return false,
        };
        false
    }
}

/// Parses a `Retry-After` value that is a number of seconds, "delay-seconds = 1*DIGIT"
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
///
/// White space around the number is ignored. A number that is larger than `u64::MAX` counts as `u64::MAX`.
///
/// Returns `None` for a date, which the driver has to convert because it needs a clock, and for any other value.
pub fn retry_after_seconds(value: &[u8]) -> Option<Duration> {
    integer(value.trim_ascii()).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_essence_of_the_last_type_counts() {
        for value in [
            "text/event-stream",
            "Text/Event-Stream",
            " text/event-stream ",
            "text/event-stream;charset=utf-8",
            "text/event-stream ; charset=ISO-8859-1; x=\"a;b\"",
            "text/event-stream;",
            "text/html, text/event-stream",
            "text/event-stream, text/event-stream; charset=utf-8",
            "text/html;x=\"\\\",\", text/event-stream",
            "text/event-stream, */*",
            "text/event-stream,",
            "text/event-stream, text",
        ] {
            assert!(is_event_stream(value.as_bytes()), "{value:?}");
        }
        for value in [
            "",
            "text",
            "text/html",
            "text/event-streams",
            "text / event-stream",
            "text/event-stream, text/html",
            "text/html; x=\"a, text/event-stream",
            "text/html; x=\", text/event-stream\"",
            "text/event-stream/x",
            ",",
            "x-text/event-stream",
            "application/x-dom-event-stream",
        ] {
            assert!(!is_event_stream(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn only_digits_are_seconds() {
        let seconds = |value: &str| retry_after_seconds(value.as_bytes());
        assert_eq!(seconds("0"), Some(Duration::ZERO));
        assert_eq!(seconds(" 0120\t"), Some(Duration::from_secs(120)));
        let many = Some(Duration::from_secs(u64::MAX));
        assert_eq!(seconds("18446744073709551616"), many);
        for value in [
            "",
            " ",
            "+5",
            "-5",
            "1.5",
            "5 s",
            "Sun, 22 Nov 2026 08:49:37 GMT",
        ] {
            assert_eq!(seconds(value), None, "{value:?}");
        }
    }
}
