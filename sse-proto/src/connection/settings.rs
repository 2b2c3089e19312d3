use core::time::Duration;

use crate::{DEFAULT_LIMIT, DEFAULT_MAX_ID_BYTES, Decoder};

/// How an event source connects, waits and gives up.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) reconnection_time: Duration,
    pub(super) floor: Duration,
    pub(super) ceiling: Duration,
    pub(super) backoff_limit: Duration,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) tries_statuses_again: bool,
    pub(super) delays_by_chance: bool,
    limit: usize,
    max_id_bytes: usize,
}

impl Settings {
    /// Sets how long it waits before it connects again, as long as the stream says nothing else.
    /// 3 s if it is not set: "a user-agent-defined value, probably in the region of a few seconds".
    #[must_use]
    pub fn with_reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = time;
        self
    }

    /// Sets the least and the greatest delay, whatever the stream says. 500 ms and five minutes if
    /// they are not set. A ceiling below the floor is the floor.
    #[must_use]
    pub fn with_bounds(mut self, floor: Duration, ceiling: Duration) -> Self {
        self.floor = floor;
        self.ceiling = ceiling.max(floor);
        self
    }

    /// Sets to what delay repeated failures may double it. 60 s if it is not set.
    #[must_use]
    pub fn with_backoff_limit(mut self, limit: Duration) -> Self {
        self.backoff_limit = limit;
        self
    }

    /// Leaves out the random part of each delay, for a client that does as browsers do. All clients of
    /// a server that was gone then come back at once.
    #[must_use]
    #[doc(alias = "jitter")]
    pub fn with_exact_delays(mut self) -> Self {
        self.delays_by_chance = false;
        self
    }

    /// Sets how long it waits for a response. 30 s if it is not set; `None` for as long as it takes.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long nothing may come, not even a comment, before the connection is given up. `None`
    /// if it is not set, for not every server sends something now and then. Twice the server's
    /// keep-alive is a good value.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Stops at every status but 200, as the standard has it, also at 429, 431 and 5xx.
    #[must_use]
    pub fn with_standard_statuses(mut self) -> Self {
        self.tries_statuses_again = false;
        self
    }

    /// Sets how large an event may be, in bytes: as [`Decoder::with_limit`].
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets how long an event ID may be, in bytes: as [`Decoder::with_max_id_bytes`]. 8 KiB if it is not set.
    ///
    /// A longer one is ignored and told, so that a stream can neither make the caller hold it for each event nor
    /// have it sent to a server that takes no such header.
    #[must_use]
    pub fn with_max_id_bytes(mut self, limit: usize) -> Self {
        self.max_id_bytes = limit;
        self
    }

    /// A decoder with these limits.
    pub fn decoder(&self) -> Decoder {
        Decoder::with_limit(self.limit).with_max_id_bytes(self.max_id_bytes)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reconnection_time: Duration::from_secs(3),
            floor: Duration::from_millis(500),
            ceiling: Duration::from_secs(5 * 60),
            backoff_limit: Duration::from_secs(60),
            connect_timeout: Some(Duration::from_secs(30)),
            idle_timeout: None,
            tries_statuses_again: true,
            delays_by_chance: true,
            limit: DEFAULT_LIMIT,
            max_id_bytes: DEFAULT_MAX_ID_BYTES,
        }
    }
}
