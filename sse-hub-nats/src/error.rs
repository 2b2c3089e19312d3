//! Errors of NATS: their chains of causes, and whether they are permanent refusals or temporary failures.

use core::time::Duration;
use std::{error::Error, time::Instant};

use async_nats::jetstream::{self, ErrorCode};
use sse_hub::{BackendError, BackendErrorKind};

/// Converts an error and its causes, so that each error describes only its own level. The texts of `async_nats` errors
/// repeat the cause.
pub(crate) fn to_backend_error(error: &(dyn Error + 'static)) -> BackendError {
    let text = error.to_string();
    let Some(source) = error.source() else {
        return BackendError::new(text);
    };
    let cause = source.to_string();
    if text == cause {
        return to_backend_error(source);
    }
    let own = text
        .strip_suffix(&cause)
        .map(|own| own.trim_end_matches([':', ' ']));
    BackendError::new(own.unwrap_or(&text)).with_source(to_backend_error(source))
}

/// Time after which a subscriber gives up, if all attempts are refused. It does not give up at once, because other
/// clients may reach a limit only for a short time.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Record of the refusals since the last attempt that was not refused.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    since: Option<Instant>,
}

impl Refusals {
    /// Notes a failed attempt. Returns whether to give up.
    pub(crate) fn are_final(&mut self, error: &BackendError) -> bool {
        if error.kind() != BackendErrorKind::Refused {
            self.since = None;
            return false;
        }
        self.since.get_or_insert_with(Instant::now).elapsed() >= REFUSAL_TIMEOUT
    }
}

/// Returns the kind of a JetStream error, which tells if another attempt may succeed.
pub(crate) fn kind(error: &jetstream::Error) -> BackendErrorKind {
    match error.error_code() {
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
            BackendErrorKind::TooLarge
        }
        // The stream or consumer is created again, or the cluster is still starting.
        ErrorCode::STREAM_NOT_FOUND
        | ErrorCode::CONSUMER_NOT_FOUND
        | ErrorCode::CLUSTER_NO_PEERS => BackendErrorKind::Unavailable,
        // These are limits, although their codes are those of server errors.
        ErrorCode::STREAM_STORE_FAILED
        | ErrorCode::STREAM_LIMITS
        | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED
        | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => BackendErrorKind::Refused,
        _ if error.code() < 500 => BackendErrorKind::Refused,
        _ => BackendErrorKind::Unavailable,
    }
}

/// Parses a permissions violation. Returns the operation that the server does not permit.
///
/// NATS sends no answer to such a request. It only sends this text on the connection, and the request times out.
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
    /// A connection that may not subscribe gets no answer to any request.
    Subscribe,
}

#[cfg(test)]
mod tests {
    use async_nats::{ConnectError, ConnectErrorKind};

    use super::*;

    #[test]
    fn no_level_repeats_the_next() {
        let inner = ConnectError::with_source(ConnectErrorKind::Tls, "not trusted");
        let error = to_backend_error(&ConnectError::with_source(ConnectErrorKind::Io, inner));
        let mut texts = vec![error.to_string()];
        let mut source = error.source();
        while let Some(error) = source {
            texts.push(error.to_string());
            source = error.source();
        }
        assert_eq!(texts, ["IO error", "TLS error", "not trusted"]);
    }

    #[test]
    fn permission_violations_are_recognized() {
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
