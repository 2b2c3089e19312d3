//! Configuration of a client.

use core::time::Duration;

use crate::{DEFAULT_MAX_EVENT_BYTES, DEFAULT_MAX_ID_BYTES, Decoder};

/// Default maximum time to the head of a response, if the request is retried.
const DEFAULT_HEAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Configuration of a client: reconnection, timeouts and limits.
///
/// ```
/// use core::time::Duration;
/// use sse_proto::client::ClientConfig;
///
/// let config = ClientConfig::default()
///     .idle_timeout(Some(Duration::from_secs(30)))
///     .max_delay(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(super) reconnection_time: Duration,
    min_delay: Duration,
    max_delay: Duration,
    pub(super) max_backoff: Duration,
    /// `None` until it is set. Then the default depends on whether the request is retried.
    head_timeout: Option<Option<Duration>>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) retry_server_errors: bool,
    pub(super) jitter: bool,
    max_event_bytes: usize,
    max_id_bytes: usize,
}

impl ClientConfig {
    /// Sets the reconnection time: the delay before a reconnection, until the stream sets another.
    ///
    /// The default is 3 s: "a user-agent-defined value, probably in the region of a few seconds".
    #[must_use]
    pub fn reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = time;
        self
    }

    /// Sets the minimum delay before a reconnection, whatever the stream says. The default is 500 ms.
    #[must_use]
    pub fn min_delay(mut self, delay: Duration) -> Self {
        self.min_delay = delay;
        self
    }

    /// Sets the maximum delay before a reconnection, whatever the stream says. The default is five minutes.
    ///
    /// A maximum below the [minimum](Self::min_delay) has no effect: the delay is the minimum then.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the maximum delay to which failed attempts can double the reconnection time. The default is 60 s.
    ///
    /// It does not shorten a longer reconnection time.
    #[must_use]
    pub fn max_backoff(mut self, delay: Duration) -> Self {
        self.max_backoff = delay;
        self
    }

    /// Sets whether each delay has jitter: a random addition of up to a quarter. The default is `true`.
    ///
    /// Without it, all clients of a server that was down reconnect at the same time, as browsers do.
    #[must_use]
    pub fn jitter(mut self, enabled: bool) -> Self {
        self.jitter = enabled;
        self
    }

    /// Sets the maximum time from the start of an attempt to the head of its response. `None` means no maximum.
    ///
    /// The default is five minutes, and no maximum for [one request](Self::one_shot).
    ///
    /// Many servers send the head together with the first event, so this also limits the time to the first event.
    /// It includes the time to connect, for which a client that uses sockets has its own limit.
    #[must_use]
    #[doc(alias = "connect_timeout")]
    pub fn head_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.head_timeout = Some(timeout);
        self
    }

    /// Sets the time without data, comments included, after which the connection is given up.
    ///
    /// The default is `None`, because not every server sends keep-alive comments. Twice the keep-alive interval of
    /// the server is a good value.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets whether another attempt follows after the statuses 408, 425, 429, 431 and 5xx. The default is `true`.
    ///
    /// The standard stops at every status but 200.
    #[must_use]
    pub fn retry_server_errors(mut self, enabled: bool) -> Self {
        self.retry_server_errors = enabled;
        self
    }

    /// Adapts the configuration to a request that is not retried. It stops at every status but 200, and waits for the
    /// head of the response without a maximum, unless [one is set](Self::head_timeout).
    #[must_use]
    pub fn one_shot(mut self) -> Self {
        self.head_timeout.get_or_insert(None);
        self.retry_server_errors(false)
    }

    /// Sets the maximum size of an event, in bytes. See [`Decoder::max_event_bytes`]. The default is
    /// [`DEFAULT_MAX_EVENT_BYTES`].
    #[must_use]
    pub fn max_event_bytes(mut self, limit: usize) -> Self {
        self.max_event_bytes = limit;
        self
    }

    /// Sets the maximum length of an event ID, in bytes. See [`Decoder::max_id_bytes`]. The default is 8 KiB.
    ///
    /// A longer ID is ignored and reported. So a stream can neither make the caller store it with each event, nor
    /// make the client send it to a server that does not accept such a header.
    #[must_use]
    pub fn max_id_bytes(mut self, limit: usize) -> Self {
        self.max_id_bytes = limit;
        self
    }

    /// Returns the shortest and the longest delay.
    pub(super) fn delay_bounds(&self) -> [Duration; 2] {
        [self.min_delay, self.max_delay.max(self.min_delay)]
    }

    pub(super) fn effective_head_timeout(&self) -> Option<Duration> {
        self.head_timeout.unwrap_or(Some(DEFAULT_HEAD_TIMEOUT))
    }

    /// Creates a decoder with these limits.
    pub fn decoder(&self) -> Decoder {
        Decoder::new()
            .max_event_bytes(self.max_event_bytes)
            .max_id_bytes(self.max_id_bytes)
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            reconnection_time: Duration::from_secs(3),
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(5 * 60),
            max_backoff: Duration::from_secs(60),
            head_timeout: None,
            idle_timeout: None,
            retry_server_errors: true,
            jitter: true,
            max_event_bytes: DEFAULT_MAX_EVENT_BYTES,
            max_id_bytes: DEFAULT_MAX_ID_BYTES,
        }
    }
}
