use core::time::Duration;

use crate::{DEFAULT_LIMIT, DEFAULT_MAX_ID_BYTES, Decoder};

/// Maximum time up to the head of a response, if the request is repeated.
const DEFAULT_HEAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How an event source connects, waits and gives up.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) reconnection_time: Duration,
    pub(super) floor: Duration,
    pub(super) ceiling: Duration,
    pub(super) backoff_limit: Duration,
    /// `None` until it is set: then the default depends on whether the request is repeated.
    head_timeout: Option<Option<Duration>>,
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

    /// Sets the maximum time from the start of an attempt to the head of its response; `None` for no maximum. The
    /// default is five minutes, and no maximum [for one request](Self::for_one_request).
    ///
    /// Many servers send the head with the first event, so this is also the time that the first event may take. It
    /// includes the time to connect, which a client over sockets limits by itself.
    #[must_use]
    #[doc(alias = "connect_timeout")]
    pub fn with_head_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.head_timeout = Some(timeout);
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

    /// Stops at every status but 200, as the standard has it, also at 408, 425, 429, 431 and 5xx.
    #[must_use]
    pub fn with_standard_statuses(mut self) -> Self {
        self.tries_statuses_again = false;
        self
    }

    /// Adapts the settings to a request that is sent once: it stops at every status but 200, and waits for the head
    /// of the response without a maximum, unless [one is set](Self::with_head_timeout).
    #[must_use]
    pub fn for_one_request(mut self) -> Self {
        self.head_timeout.get_or_insert(None);
        self.with_standard_statuses()
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

    pub(super) fn head_timeout(&self) -> Option<Duration> {
        self.head_timeout.unwrap_or(Some(DEFAULT_HEAD_TIMEOUT))
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
            head_timeout: None,
            idle_timeout: None,
            tries_statuses_again: true,
            delays_by_chance: true,
            limit: DEFAULT_LIMIT,
            max_id_bytes: DEFAULT_MAX_ID_BYTES,
        }
    }
}
