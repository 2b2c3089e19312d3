use core::{fmt, time::Duration};
use std::sync::Arc;

use http::StatusCode;
use sse_proto::connection::Reason;

use crate::{Refused, transport::BoxError};

/// Closure that returns whether another attempt follows a failed one.
pub(crate) type RetryPolicy = Arc<dyn Fn(&FailedAttempt<'_>) -> bool + Send + Sync>;

/// An attempt that gave no stream, or whose stream ended, for
/// [`Builder::with_retry_policy`](crate::Builder::with_retry_policy).
#[non_exhaustive]
pub struct FailedAttempt<'a> {
    /// Why the attempt failed. [`Reason::End`] is the end of a stream in order.
    pub reason: Reason,
    /// The response that is not an event stream, if there was one.
    pub response: Option<&'a Refused>,
    /// The error of the network or of the preparation, if there was one.
    pub error: Option<&'a BoxError>,
    /// Number of attempts in a row that came to nothing, including this one; 1 after a stream with events.
    pub attempt: u32,
    /// Time since the first of them failed.
    pub elapsed: Duration,
    /// Decision without a policy: `true`, except for a response that is not an event stream and whose status is
    /// none of 408, 425, 429 and 5xx.
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
