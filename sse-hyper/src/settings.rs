use core::{fmt, ops::RangeInclusive, time::Duration};
use std::sync::Arc;

use hyper::rt::Timer;

use crate::KeepAlive;

/// What the event streams of a server have in common.
#[derive(Clone)]
pub struct Settings {
    /// Without one, there is neither a keep-alive nor a greatest age.
    pub(crate) timer: Option<Arc<dyn Timer + Send + Sync>>,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) max_age: Option<RangeInclusive<Duration>>,
    pub(crate) retry: Option<RangeInclusive<Duration>>,
}

impl Settings {
    /// The default [`KeepAlive`] on the timer of a runtime, and nothing else.
    pub fn new(timer: impl Timer + Send + Sync + 'static) -> Self {
        Self {
            timer: Some(Arc::new(timer)),
            keep_alive: Some(KeepAlive::new()),
            ..Self::none()
        }
    }

    /// Nothing at all, which takes no timer.
    pub(crate) const fn none() -> Self {
        Self {
            timer: None,
            keep_alive: None,
            max_age: None,
            retry: None,
        }
    }

    /// Sets what is sent to keep a quiet connection alive.
    #[must_use]
    pub fn with_keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        self.keep_alive = Some(keep_alive);
        self
    }

    /// Sends nothing to keep a quiet connection alive. Then proxies may end it, and the server does
    /// not notice a client that left without a word.
    #[must_use]
    pub fn without_keep_alive(mut self) -> Self {
        self.keep_alive = None;
        self
    }

    /// Sets the reconnection time that is sent in the block of the first event, unless that has one
    /// of its own. Never in a block by itself: clients are known that take such a block for an
    /// event.
    #[must_use]
    pub fn with_retry(self, reconnection_time: Duration) -> Self {
        self.with_retry_range(reconnection_time..=reconnection_time)
    }

    /// Sets the reconnection times of which each stream is sent a random one in the block of its first event.
    ///
    /// Use this to spread clients after a crash, which cannot send a farewell. It also replaces the reconnection
    /// time of a [`Farewell`](crate::Farewell), which a browser keeps for the next disconnections.
    #[must_use]
    pub fn with_retry_range(mut self, reconnection_times: RangeInclusive<Duration>) -> Self {
        self.retry = Some(reconnection_times);
        self
    }

    /// Ends each stream at an age of its own, drawn from this range, so that clients spread over
    /// servers again and do not all come at once. They reconnect, and say what they saw last.
    #[must_use]
    pub fn with_max_age(mut self, age: RangeInclusive<Duration>) -> Self {
        self.max_age = Some(age);
        self
    }
}

#[cfg(feature = "tokio")]
impl Default for Settings {
    /// The default [`KeepAlive`] on tokio's timer, and nothing else.
    fn default() -> Self {
        Self::new(hyper_util::rt::TokioTimer::new())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("keep_alive", &self.keep_alive)
            .field("max_age", &self.max_age)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Returns a random time from the range.
pub(crate) fn draw(range: &RangeInclusive<Duration>) -> Duration {
    let milliseconds = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (start, end) = (milliseconds(range.start()), milliseconds(range.end()));
    Duration::from_millis(fastrand::u64(start..=end.max(start)))
}
