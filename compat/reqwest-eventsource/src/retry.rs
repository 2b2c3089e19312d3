//! Delays before a request is sent again.

use std::time::Duration;

use crate::Error;

/// Decision whether and when the request is sent again after an error.
pub trait RetryPolicy {
    /// Returns the delay after this error, or `None` to give up.
    ///
    /// `last_retry` is the number of retries since the last response, from 1, and the delay of the last one. It is `None`
    /// at the first error.
    fn retry(&self, error: &Error, last_retry: Option<(usize, Duration)>) -> Option<Duration>;

    /// Takes the reconnection time that the server sent.
    fn set_reconnection_time(&mut self, duration: Duration);
}

/// Delays that grow by a factor.
#[derive(Clone, Debug)]
pub struct ExponentialBackoff {
    /// First delay. The server's reconnection time replaces it.
    pub start: Duration,
    /// Factor from one delay to the next.
    pub factor: f64,
    /// Maximum delay. It grows to the server's reconnection time if that is longer.
    pub max_duration: Option<Duration>,
    /// Maximum number of retries since the last response.
    pub max_retries: Option<usize>,
}

impl ExponentialBackoff {
    /// Creates a policy of these values.
    pub const fn new(
        start: Duration,
        factor: f64,
        max_duration: Option<Duration>,
        max_retries: Option<usize>,
    ) -> Self {
        Self {
            start,
            factor,
            max_duration,
            max_retries,
        }
    }
}

impl RetryPolicy for ExponentialBackoff {
    fn retry(&self, _error: &Error, last_retry: Option<(usize, Duration)>) -> Option<Duration> {
        let Some((retries, delay)) = last_retry else {
            return may_retry(0, self.max_retries).then_some(self.start);
        };
        // A product that no `Duration` can hold is the longest one.
        let seconds = delay.as_secs_f64() * self.factor;
        let delay = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let delay = self.max_duration.map_or(delay, |max| delay.min(max));
        may_retry(retries, self.max_retries).then_some(delay)
    }

    fn set_reconnection_time(&mut self, duration: Duration) {
        self.start = duration;
        self.max_duration = self.max_duration.map(|max| max.max(duration));
    }
}

/// Delays of one length.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Delay. The server's reconnection time replaces it.
    pub delay: Duration,
    /// Maximum number of retries since the last response.
    pub max_retries: Option<usize>,
}

impl Constant {
    /// Creates a policy of these values.
    pub const fn new(delay: Duration, max_retries: Option<usize>) -> Self {
        Self { delay, max_retries }
    }
}

impl RetryPolicy for Constant {
    fn retry(&self, _error: &Error, last_retry: Option<(usize, Duration)>) -> Option<Duration> {
        let retries = last_retry.map_or(0, |(retries, _)| retries);
        may_retry(retries, self.max_retries).then_some(self.delay)
    }

    fn set_reconnection_time(&mut self, duration: Duration) {
        self.delay = duration;
    }
}

/// No retries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Never;

impl RetryPolicy for Never {
    fn retry(&self, _error: &Error, _last_retry: Option<(usize, Duration)>) -> Option<Duration> {
        None
    }

    fn set_reconnection_time(&mut self, _duration: Duration) {}
}

/// Policy of a new [`EventSource`](crate::EventSource): from 300 ms to 5 s, each twice the previous one, without end.
pub const DEFAULT_RETRY: ExponentialBackoff = ExponentialBackoff::new(
    Duration::from_millis(300),
    2.0,
    Some(Duration::from_secs(5)),
    None,
);

/// Returns whether one more retry is allowed after this number of them.
fn may_retry(retries: usize, max_retries: Option<usize>) -> bool {
    max_retries.is_none_or(|max| retries < max)
}
