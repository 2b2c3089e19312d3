use core::{fmt, ops::RangeInclusive, time::Duration};
use std::sync::Arc;

use hyper::rt::Timer;

use crate::KeepAlive;

/// Configuration that all event streams of a server share.
#[derive(Clone)]
pub struct StreamConfig {
    /// Timer for the keep-alive and the maximum age. Without a timer, streams have neither.
    pub(crate) timer: Option<Arc<dyn Timer + Send + Sync>>,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) max_age: Option<RangeInclusive<Duration>>,
    pub(crate) retry: Option<RangeInclusive<Duration>>,
}

impl StreamConfig {
    /// Creates a configuration with the default [`KeepAlive`], which uses the given timer of a runtime.
    ///
    /// There is no reconnection time and no maximum age by default.
    pub fn new(timer: impl Timer + Send + Sync + 'static) -> Self {
        Self {
            timer: Some(Arc::new(timer)),
            keep_alive: Some(KeepAlive::new()),
            ..Self::none()
        }
    }

    /// Creates a configuration that set nothing and need no timer.
    pub(crate) const fn none() -> Self {
        Self {
            timer: None,
            keep_alive: None,
            max_age: None,
            retry: None,
        }
    }

    /// Sets the comment or event that keeps an idle connection alive. `None` turns it off.
    ///
    /// Without it, proxies may close idle connections, and the server does not notice a client that has disappeared
    /// without closing its connection.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.keep_alive = keep_alive.into();
        self
    }

    /// Sets the reconnection time that is sent in the block of the first event, unless that event has its own.
    ///
    /// It is never sent in a block without an event, because some clients dispatch an event for such a block.
    #[must_use]
    pub fn reconnection_time(self, reconnection_time: Duration) -> Self {
        self.reconnection_time_range(reconnection_time..=reconnection_time)
    }

    /// Sets a range of reconnection times; each stream sends a random one in the block of its first event.
    ///
    /// Use this to spread the clients after a crash, because a server that crashes cannot send a close event. It also
    /// replaces the reconnection time of an earlier [`CloseEvent`](crate::CloseEvent), which a browser keeps otherwise.
    #[must_use]
    pub fn reconnection_time_range(mut self, reconnection_times: RangeInclusive<Duration>) -> Self {
        self.retry = Some(reconnection_times);
        self
    }

    /// Ends each stream at a random age from this range.
    ///
    /// The client reconnects with its last event ID. So the clients spread over the servers again, and they do not all
    /// reconnect at the same time. There is no maximum age by default.
    #[must_use]
    pub fn max_age(mut self, age: RangeInclusive<Duration>) -> Self {
        self.max_age = Some(age);
        self
    }
}

#[cfg(feature = "tokio")]
impl Default for StreamConfig {
    /// Creates a configuration with the default [`KeepAlive`] on tokio's timer, and nothing else.
    fn default() -> Self {
        Self::new(hyper_util::rt::TokioTimer::new())
    }
}

impl fmt::Debug for StreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamConfig")
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
