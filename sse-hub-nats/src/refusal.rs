//! Refusals of NATS, which last, told from failures, which pass.

use core::time::Duration;
use std::time::Instant;

use async_nats::jetstream::{self, ErrorCode};
use sse_hub::{BackendError, BackendErrorKind};

/// After this time of nothing but refusals, a subscriber does not wait any longer. Limits may be reached only while
/// others read as well.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The refusals since the last attempt that was not refused.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    since: Option<Instant>,
}

impl Refusals {
    /// Notes a failed attempt. Returns whether there should be no other one.
    pub(crate) fn are_final(&mut self, error: &BackendError) -> bool {
        if error.kind() != BackendErrorKind::Refused {
            self.since = None;
            return false;
        }
        self.since.get_or_insert_with(Instant::now).elapsed() >= REFUSAL_TIMEOUT
    }
}

/// Returns whether JetStream may do at another attempt what it refused with this error.
pub(crate) fn kind(error: &jetstream::Error) -> BackendErrorKind {
    match error.error_code() {
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
            BackendErrorKind::TooLarge
        }
        // They are made anew, or their cluster is just starting.
        ErrorCode::STREAM_NOT_FOUND
        | ErrorCode::CONSUMER_NOT_FOUND
        | ErrorCode::CLUSTER_NO_PEERS => BackendErrorKind::Unavailable,
        // Limits that are called errors of the server.
        ErrorCode::STREAM_STORE_FAILED
        | ErrorCode::STREAM_LIMITS
        | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED
        | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => BackendErrorKind::Refused,
        _ if error.code() < 500 => BackendErrorKind::Refused,
        _ => BackendErrorKind::Unavailable,
    }
}

/// Returns the operation that a server does not permit to this connection, if that is what it says.
///
/// NATS answers such a request by nothing but this text on the connection, so that the request itself times out.
pub(crate) fn violation(text: &str) -> Option<Violation> {
    let (_, operation) = text.split_once("Permissions Violation for ")?;
    Some(match operation.starts_with("Subscription") {
        true => Violation::Subscribe,
        false => Violation::Publish,
    })
}

/// Operation that a server does not permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    Publish,
    /// Without it, no answer comes to any request.
    Subscribe,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_told_from_other_errors() {
        for (text, expected) in [
            (
                r#"Permissions Violation for Publish to "sse.events""#,
                Some(Violation::Publish),
            ),
            (
                r#"Permissions Violation for Subscription to "_INBOX.a.*""#,
                Some(Violation::Subscribe),
            ),
            (
                r#"Permissions Violation for Subscription to "a" using queue "b""#,
                Some(Violation::Subscribe),
            ),
            ("Maximum Payload Violation", None),
            ("Stale Connection", None),
        ] {
            assert_eq!(violation(text), expected, "{text}");
        }
    }
}
