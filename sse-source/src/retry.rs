use core::{fmt, time::Duration};
use std::sync::Arc;

use http::StatusCode;
use sse_proto::client::DisconnectReason;

use crate::{UnexpectedResponse, transport::BoxError};

/// Closure that returns whether another attempt follows a failed one.
pub(crate) type RetryPolicy = Arc<dyn Fn(&FailedAttempt<'_>) -> bool + Send + Sync>;

/// Attempt that got no stream, or whose stream ended, for
/// [`Builder::retry_policy`](crate::Builder::retry_policy).
#[non_exhaustive]
pub struct FailedAttempt<'a> {
    /// DisconnectReason of the failure. It is [`DisconnectReason::EndOfStream`] if the server ended the stream properly.
    pub reason: DisconnectReason,
    /// Response that is not an event stream, if there was one.
    pub response: Option<&'a UnexpectedResponse>,
    /// Error of the network or of the preparation, if there was one.
    pub error: Option<&'a BoxError>,
    /// Number of consecutive failed attempts, including this one. It is 1 after a stream with events.
    pub attempt: u32,
    /// Time since the first of them failed.
    pub elapsed: Duration,
    /// Decision without a policy.
    ///
    /// It is `false` for a response that is not an event stream. The exceptions are the statuses 408, 425, 429 and 5xx,
    /// and a refusal because of the last event ID. It is also `false` after 10 consecutive responses that are not HTTP.
    /// Otherwise it is `true`.
    pub is_retried_by_default: bool,
}

impl FailedAttempt<'_> {
    /// Returns the status of the response that is not an event stream, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.response.map(|response| response.status)
    }
}

impl fmt::Debug for FailedAttempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedAttempt")
            .field("reason", &self.reason)
            .field("attempt", &self.attempt)
            .field("elapsed", &self.elapsed)
            .field("is_retried_by_default", &self.is_retried_by_default)
            .finish_non_exhaustive()
    }
}
