use core::time::Duration;

/// Configuration of a [`RedbStore`](crate::RedbStore): the limits of the events that it keeps, the timeout for publishing,
/// and the cache.
///
/// It is not stored in the file. If a limit is lowered, the store removes the oldest events after it is opened.
///
/// ```
/// use std::time::Duration;
///
/// use sse_hub_redb::RedbConfig;
///
/// let config = RedbConfig::new()
///     .max_age(Duration::from_secs(24 * 60 * 60))
///     .max_bytes(10 * 1024 * 1024 * 1024);
/// # drop(config);
/// ```
#[derive(Clone, Debug)]
pub struct RedbConfig {
    pub(crate) max_age: Option<Duration>,
    pub(crate) max_events: Option<u64>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) publish_timeout: Duration,
    pub(crate) fast_recovery: bool,
    pub(crate) cache_bytes: usize,
}

impl RedbConfig {
    /// Default maximum number of kept events: a million.
    pub const DEFAULT_MAX_EVENTS: u64 = 1_000_000;

    /// Default maximum number of bytes of the kept events: 1 GiB.
    pub const DEFAULT_MAX_BYTES: u64 = 1024 * 1024 * 1024;

    /// Default memory for pages of the file: 64 MiB.
    pub const DEFAULT_CACHE_BYTES: usize = 64 * 1024 * 1024;

    /// Creates the default configuration: at most 1,000,000 events and 1 GiB of any age, 10 s for publishing, fast
    /// recovery, and 64 MiB of cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum age of the kept events. Unlimited by default, and with `None` or 0.
    ///
    /// An event is removed about a second after it reaches this age. Its age is measured by the clock of the machine. The
    /// latest event stays.
    #[must_use]
    pub fn max_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.max_age = age.into().filter(|age| !age.is_zero());
        self
    }

    /// Sets the maximum number of kept events: 1,000,000 by default, unlimited with `None` or 0.
    #[must_use]
    pub fn max_events(mut self, events: impl Into<Option<u64>>) -> Self {
        self.max_events = events.into().filter(|events| *events > 0);
        self
    }

    /// Sets the maximum number of bytes of the kept events, with their topics, keys and types: 1 GiB by default, unlimited
    /// with `None` or 0. The latest event stays, even if it is larger.
    ///
    /// The file is larger, because it also has an index and free pages: keep twice this space free on the disk.
    #[must_use]
    pub fn max_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.max_bytes = bytes.into().filter(|bytes| *bytes > 0);
        self
    }

    /// Sets the timeout for publishing an event: 10 s by default.
    ///
    /// After the timeout, the publisher gets an error. The event may be stored nevertheless.
    #[must_use]
    pub fn publish_timeout(mut self, timeout: Duration) -> Self {
        self.publish_timeout = timeout;
        self
    }

    /// Sets whether each commit also stores the state from which redb recovers: on by default.
    ///
    /// - `true`: the file opens in milliseconds after a crash. A commit synchronizes the file twice.
    /// - `false`: a commit synchronizes the file once, so that publishing takes half of the time. After a crash, opening
    ///   reads the whole file, which takes some seconds for each GiB.
    ///
    /// No acknowledged event is lost in either case.
    #[must_use]
    pub fn fast_recovery(mut self, enabled: bool) -> Self {
        self.fast_recovery = enabled;
        self
    }

    /// Sets the memory for pages of the file: 64 MiB by default.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }
}

impl Default for RedbConfig {
    fn default() -> Self {
        Self {
            max_age: None,
            max_events: Some(Self::DEFAULT_MAX_EVENTS),
            max_bytes: Some(Self::DEFAULT_MAX_BYTES),
            publish_timeout: Duration::from_secs(10),
            fast_recovery: true,
            cache_bytes: Self::DEFAULT_CACHE_BYTES,
        }
    }
}
