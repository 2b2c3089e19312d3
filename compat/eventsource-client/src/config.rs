//! Options for reconnections.

use std::time::Duration;

use sse_proto::client::ClientConfig;

/// Maximum of the shortest delay, which a `retry` of the server cannot undercut.
const MAX_MIN_DELAY: Duration = Duration::from_millis(500);

/// Options for reconnections.
///
/// By default, a client reconnects after 1 s, and doubles the delay with each failure up to one minute. It does not
/// retry if its first attempt fails.
#[derive(Clone, Debug)]
pub struct ReconnectOptions {
    /// True if the client retries after its first attempt has failed.
    pub(crate) retry_initial: bool,
    /// True if the client reconnects after its first connection.
    pub(crate) reconnect: bool,
    delay: Duration,
    backoff_factor: u32,
    delay_max: Duration,
}

impl ReconnectOptions {
    /// Returns a builder for options with or without reconnections.
    pub fn reconnect(reconnect: bool) -> ReconnectOptionsBuilder {
        ReconnectOptionsBuilder::new(reconnect)
    }

    pub(crate) fn session_config(&self) -> ClientConfig {
        let shortest = Duration::from_millis(1);
        let max_backoff = match self.backoff_factor {
            0 | 1 => self.delay,
            _ => self.delay_max,
        };
        ClientConfig::default()
            .reconnection_time(self.delay)
            .min_delay(self.delay.clamp(shortest, MAX_MIN_DELAY))
            .max_delay(self.delay_max)
            .max_backoff(max_backoff)
            // The timeouts are those of the transport.
            .head_timeout(None)
    }
}

impl Default for ReconnectOptions {
    fn default() -> Self {
        Self {
            retry_initial: false,
            reconnect: true,
            delay: Duration::from_secs(1),
            backoff_factor: 2,
            delay_max: Duration::from_secs(60),
        }
    }
}

/// Builder for [`ReconnectOptions`].
#[derive(Clone, Debug)]
pub struct ReconnectOptionsBuilder {
    options: ReconnectOptions,
}

impl ReconnectOptionsBuilder {
    /// Creates a builder for options with or without reconnections, and with the defaults otherwise.
    #[must_use]
    pub fn new(reconnect: bool) -> Self {
        Self {
            options: ReconnectOptions {
                reconnect,
                ..ReconnectOptions::default()
            },
        }
    }

    /// Sets whether the client retries if its first attempt fails. The default is `false`.
    #[must_use]
    pub fn retry_initial(mut self, retry: bool) -> Self {
        self.options.retry_initial = retry;
        self
    }

    /// Sets the delay before a reconnection, until the server sets another. The default is 1 s.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.delay = delay;
        self
    }

    /// Sets whether the delay grows with each failure: 0 and 1 mean no, and each other number that it doubles. The
    /// default is 2.
    #[must_use]
    pub fn backoff_factor(mut self, factor: u32) -> Self {
        self.options.backoff_factor = factor;
        self
    }

    /// Sets the maximum delay. The default is one minute.
    #[must_use]
    pub fn delay_max(mut self, max: Duration) -> Self {
        self.options.delay_max = max;
        self
    }

    /// Returns the options.
    #[must_use]
    pub fn build(self) -> ReconnectOptions {
        self.options
    }
}
