use core::time::Duration;

use crate::{DEFAULT_LIMIT, DEFAULT_MAX_ID_BYTES, Decoder};

/// Default maximum time to the head of a response, if the request is retried.
const DEFAULT_HEAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Settings of an event source: reconnection, timeouts and limits.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) reconnection_time: Duration,
    pub(super) floor: Duration,
    pub(super) ceiling: Duration,
    pub(super) backoff_limit: Duration,
    /// `None` until it is set. Then the default depends on whether the request is retried.
    head_timeout: Option<Option<Duration>>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) tries_statuses_again: bool,
    pub(super) delays_by_chance: bool,
    limit: usize,
    max_id_bytes: usize,
}

impl Settings {
    /// Sets the reconnection time: the delay before a reconnection, until the stream sets another.
    ///
    /// The default is 3 s: "a user-agent-defined value, probably in the region of a few seconds".
    #[must_use]
    pub fn with_reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = time;
        self
    }

    /// Sets the minimum and the maximum delay, whatever the stream says. The defaults are 500 ms and five minutes.
    ///
    /// If `ceiling` is below `floor`, it is raised to `floor`.
    #[must_use]
    pub fn with_bounds(mut self, floor: Duration, ceiling: Duration) -> Self {
        self.floor = floor;
        self.ceiling = ceiling.max(floor);
        self
    }

    /// Sets the maximum delay to which failed attempts can double the reconnection time. The default is 60 s.
    ///
    /// It does not shorten a longer reconnection time.
    #[must_use]
    pub fn with_backoff_limit(mut self, limit: Duration) -> Self {
        self.backoff_limit = limit;
        self
    }

    /// Turns the random part of each delay off, for a client that behaves like a browser.
    ///
    /// All clients of a server that was down then reconnect at the same time.
    #[must_use]
    #[doc(alias = "jitter")]
    pub fn with_exact_delays(mut self) -> Self {
        self.delays_by_chance = false;
        self
    }

    /// Sets the maximum time from the start of an attempt to the head of its response. `None` means no maximum.
    ///
    /// The default is five minutes, and no maximum for [one request](Self::for_one_request).
    ///
    /// Many servers send the head together with the first event, so this also limits the time to the first event.
    /// It includes the time to connect, for which a client that uses sockets has its own limit.
    #[must_use]
    #[doc(alias = "connect_timeout")]
    pub fn with_head_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.head_timeout = Some(timeout);
        self
    }

    /// Sets the time without data, comments included, after which the connection is given up.
    ///
    /// The default is `None`, because not every server sends keep-alive comments. Twice the keep-alive interval of
    /// the server is a good value.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Stops at every status but 200, as the standard says: also at 408, 425, 429, 431 and 5xx.
    #[must_use]
    pub fn with_standard_statuses(mut self) -> Self {
        self.tries_statuses_again = false;
        self
    }

    /// Adapts the settings to a request that is not retried. It stops at every status but 200, and waits for the
    /// head of the response without a maximum, unless [one is set](Self::with_head_timeout).
    #[must_use]
    pub fn for_one_request(mut self) -> Self {
        self.head_timeout.get_or_insert(None);
        self.with_standard_statuses()
    }

    /// Sets the maximum size of an event, in bytes. See [`Decoder::with_limit`]. The default is [`DEFAULT_LIMIT`].
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the maximum length of an event ID, in bytes. See [`Decoder::with_max_id_bytes`]. The default is 8 KiB.
    ///
    /// A longer ID is ignored and reported. So a stream can neither make the caller store it with each event, nor
    /// make the client send it to a server that does not accept such a header.
    #[must_use]
    pub fn with_max_id_bytes(mut self, limit: usize) -> Self {
        self.max_id_bytes = limit;
        self
    }

    pub(super) fn head_timeout(&self) -> Option<Duration> {
        self.head_timeout.unwrap_or(Some(DEFAULT_HEAD_TIMEOUT))
    }

    /// Creates a decoder with these limits.
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
