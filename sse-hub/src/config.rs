use core::{fmt, ops::RangeInclusive, time::Duration};
use std::{borrow::Cow, sync::Arc};

use crate::{EventType, IdFormat, Topic};

/// Types of the events that the hub itself sends. The hub refuses them from publishers and from the backend.
const OWN_TYPES: [EventType; 4] = [RESET, LAGGED, DENIED, POSITION];

pub(crate) const RESET: EventType = EventType::from_static("reset");
pub(crate) const LAGGED: EventType = EventType::from_static("lagged");
pub(crate) const DENIED: EventType = EventType::from_static("denied");
pub(crate) const POSITION: EventType = EventType::from_static("position");

/// Limits of the events that a hub keeps, for subscribers that reconnect or fall behind.
///
/// The limit that is reached first applies.
///
/// ```
/// use sse_hub::{Hub, Retention, HubConfig};
/// use std::time::Duration;
///
/// let retention = Retention::new()
///     .events(1000)
///     .age(Duration::from_secs(3600));
/// let hub = Hub::new(HubConfig::new().retention(retention));
/// # drop(hub);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Maximum number of events of all topics together: 16,384 by default. Events of
    /// [quiet topics](Self#structfield.events_per_topic) are kept in addition.
    pub events: usize,
    /// Maximum number of bytes of memory for the events, with their topics and keys: 64 MiB by default. A topic that
    /// several events share counts for each of them. The latest event is always kept, even if it is larger.
    pub bytes: usize,
    /// Maximum age of an event that is replayed. `None` by default, which is no limit.
    ///
    /// A new subscriber gets no older events, even if nothing was published meanwhile. The latest event of each key is
    /// kept at any age, for [`LagPolicy::Latest`]. The memory of older events is freed when new events are published.
    pub age: Option<Duration>,
    /// Maximum number of keys whose latest event is kept after it leaves the log: 10,000 by default. These events
    /// count as bytes, too, and are dropped first.
    pub keys: usize,
    /// Minimum number of the latest events of each topic that stay replayable while other topics are busy: 1 by
    /// default. 0 switches this off.
    ///
    /// An event that leaves the log because of [`events`](Self#structfield.events) or
    /// [`bytes`](Self#structfield.bytes) may still be kept. It is kept as long as it is among the N latest events of
    /// one of its topics that have left.
    ///
    /// These events take at most half of `bytes`. If they would take more, the oldest are dropped.
    /// [`age`](Self#structfield.age) applies to them, too.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sse_hub::Retention;
    ///
    /// // Each topic keeps its latest 10 events for a day, and a busy topic up to 50,000.
    /// let retention = Retention::new()
    ///     .events(50_000)
    ///     .events_per_topic(10)
    ///     .age(Duration::from_secs(24 * 60 * 60));
    /// # let _ = retention;
    /// ```
    pub events_per_topic: usize,
}

impl Retention {
    /// Creates the default retention: 16,384 events, 64 MiB, 10,000 keys, 1 event per topic, of any age.
    pub const fn new() -> Self {
        Self {
            events: 16_384,
            bytes: 64 * 1024 * 1024,
            age: None,
            keys: 10_000,
            events_per_topic: 1,
        }
    }

    /// Sets the maximum number of events of all topics together.
    #[must_use]
    pub const fn events(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// Sets the maximum number of bytes of memory for the events, with their topics and keys.
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the [maximum age](Self#structfield.age) of an event that is replayed.
    #[must_use]
    pub const fn age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Sets the maximum number of keys whose latest event is kept after it leaves the log.
    #[must_use]
    pub const fn keys(mut self, keys: usize) -> Self {
        self.keys = keys;
        self
    }

    /// Sets the minimum number of the latest events of each topic that
    /// [stay replayable](Self#structfield.events_per_topic) while other topics are busy.
    #[must_use]
    pub const fn events_per_topic(mut self, events: usize) -> Self {
        self.events_per_topic = events;
        self
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self::new()
    }
}

/// Configuration of a [`Hub`](crate::Hub).
///
/// ```
/// use sse_hub::{Hub, HubConfig};
///
/// let config = HubConfig::new().max_subscribers(10_000).max_event_bytes(64 * 1024);
/// let hub = Hub::new(config);
/// # drop(hub);
/// ```
#[derive(Clone, Debug)]
pub struct HubConfig {
    pub(crate) retention: Retention,
    pub(crate) ids: IdFormat,
    pub(crate) first_sequence: Option<u64>,
    pub(crate) max_subscribers: usize,
    pub(crate) max_event: usize,
    pub(crate) max_type: usize,
    pub(crate) max_key: usize,
    pub(crate) max_id: usize,
    pub(crate) max_custom_patterns: usize,
    pub(crate) publisher_ids: bool,
    pub(crate) control_events: bool,
    pub(crate) pattern_key: PatternKey,
    pub(crate) event_retry: RangeInclusive<Duration>,
    reserved_types: Vec<Cow<'static, str>>,
    pub(crate) retry: RangeInclusive<Duration>,
    #[cfg(feature = "gzip")]
    pub(crate) gzip: bool,
    pub(crate) position_events: bool,
    pub(crate) position_interval: Duration,
    pub(crate) authorize_timeout: Duration,
}

impl HubConfig {
    /// Creates the default configuration: the default [`Retention`], plain IDs, events of up to 1 MiB, and an unlimited
    /// number of subscribers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits of the events that are kept.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Sets the format of event IDs. Plain by default.
    #[must_use]
    pub fn id_format(mut self, ids: IdFormat) -> Self {
        self.ids = ids;
        self
    }

    /// Sets the sequence of the first event, for a hub in memory that continues the sequences of an earlier hub.
    ///
    /// By default the first sequence is 1, and each hub has its own random [epoch](IdFormat), so that it rejects IDs
    /// from before a restart. With a first sequence, IDs have no epoch, and the caller must ensure that sequences
    /// ascend over restarts.
    ///
    /// A sequence greater than 2^63 - 1 is reduced to that, so that sequences cannot overflow.
    #[must_use]
    pub fn first_sequence(mut self, sequence: u64) -> Self {
        self.first_sequence = Some(sequence);
        self
    }

    /// Sets the maximum number of concurrent subscribers. Unlimited by default.
    #[must_use]
    pub fn max_subscribers(mut self, subscribers: usize) -> Self {
        self.max_subscribers = subscribers;
        self
    }

    /// Sets the maximum size of an event in bytes, as the sum of its data, its type and its key: 1 MiB by default.
    ///
    /// Each CR and LF in the data counts as 7 bytes, because a further line takes as many on the wire.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event = bytes;
        self
    }

    /// Sets the maximum length of an event's type, in bytes: 256 by default.
    #[must_use]
    pub fn max_event_type_bytes(mut self, bytes: usize) -> Self {
        self.max_type = bytes;
        self
    }

    /// Sets the maximum length of an event's key, in bytes: 256 by default.
    #[must_use]
    pub fn max_key_bytes(mut self, bytes: usize) -> Self {
        self.max_key = bytes;
        self
    }

    /// Sets the maximum length of an event's own ID, in bytes: 256 by default. See
    /// [`publisher_ids`](Self::publisher_ids).
    #[must_use]
    pub fn max_event_id_bytes(mut self, bytes: usize) -> Self {
        self.max_id = bytes;
        self
    }

    /// Sets whether an event keeps the ID that its publisher has given it. `false` by default.
    ///
    /// A client can resume after such an ID as long as the hub keeps the event. If several events have the same ID, the
    /// client resumes after the first of them that is kept.
    ///
    /// An event without an ID gets one from the hub. Publishers should not use IDs of the form of the
    /// [hub's IDs](IdFormat). [`IdFormat::with_prefix`] makes the two distinct.
    #[must_use]
    pub fn publisher_ids(mut self, enabled: bool) -> Self {
        self.publisher_ids = enabled;
        self
    }

    /// Sets the maximum number of different [custom patterns](crate::CustomPattern) of all subscribers together:
    /// 10,000 by default. A subscription with more new ones is refused.
    ///
    /// The hub tries all patterns with a matching prefix on the first event of each topic. That takes about 1 ms for
    /// 10,000 patterns that take 100 ns each. [`Hub::publish`](crate::Hub::publish) yields to other tasks meanwhile.
    #[must_use]
    pub fn max_custom_patterns(mut self, patterns: usize) -> Self {
        self.max_custom_patterns = patterns;
        self
    }

    /// Sets the function that returns the key of a topic for [custom patterns](crate::CustomPattern::with_prefix). By
    /// default, the key is the topic.
    ///
    /// For example, the key of a URL may be its normalized form. If the function returns `None`, the key is the topic.
    #[must_use]
    pub fn pattern_key(
        mut self,
        key: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.pattern_key = PatternKey(Some(Arc::new(key)));
        self
    }

    /// Sets whether the hub sends events of its own: `reset`, `lagged`, `denied` and `position`. `true` by default.
    ///
    /// Without them, a subscription ends where the hub would send `lagged` or `denied`, or `reset` after other events.
    /// A subscription that cannot resume begins with the events from now on. Publishers may use these event types then.
    #[must_use]
    pub fn control_events(mut self, enabled: bool) -> Self {
        self.control_events = enabled;
        self.position_events &= enabled;
        self
    }

    /// Sets the range of reconnection times that an event may have: up to 1 hour by default.
    ///
    /// With a long reconnection time, a client waits that long after it loses the connection. With a short one,
    /// browsers send many requests to a server that refuses them.
    #[must_use]
    pub fn allowed_retry(mut self, allowed: RangeInclusive<Duration>) -> Self {
        self.event_retry = allowed;
        self
    }

    /// Sets the event types that publishers may not use: `error` and `open` by default.
    ///
    /// The types that the hub itself sends are always reserved, too: `reset`, `lagged`, `denied` and `position`.
    ///
    /// In a browser, an event of the type `error` or `open` runs the `onerror` or `onopen` handler of `EventSource`.
    /// The page then mistakes it for a change of the connection.
    #[must_use]
    pub fn reserved_event_types<T: Into<Cow<'static, str>>>(
        mut self,
        types: impl IntoIterator<Item = T>,
    ) -> Self {
        self.reserved_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the reconnection time for subscribers that were too slow, randomized per subscriber: 1 to 5 s by default.
    #[must_use]
    pub fn lagged_retry(mut self, reconnection_time: RangeInclusive<Duration>) -> Self {
        self.retry = reconnection_time;
        self
    }

    /// Sets the maximum time that an [`Authorizer`](crate::Authorizer) may take to answer: 10 s by default. After that,
    /// the subscriber is denied.
    #[must_use]
    pub fn authorize_timeout(mut self, timeout: Duration) -> Self {
        self.authorize_timeout = timeout;
        self
    }

    /// Sets whether the hub sends subscribers their position. `true` by default.
    ///
    /// A position is an event of the type `position` with the data `{}`. A client that sends its ID resumes after all
    /// events that it has received.
    ///
    /// The hub sends the position first, so that a client that loses the connection before its first event misses
    /// nothing. It does not send it first if events are lost between the kept ones that it replays. A client that
    /// reconnects without an ID then gets the replay once more.
    ///
    /// The hub sends the position again when the subscriber has received all its events, and events of other topics
    /// were published. So the hub still knows the client's last event ID when it reconnects. The interval is at least
    /// [`position_interval`](Self::position_interval).
    #[must_use]
    pub fn position_events(mut self, enabled: bool) -> Self {
        self.position_events = enabled;
        self
    }

    /// Sets whether the hub keeps the compressed form of an event, after the first subscriber has needed it.
    ///
    /// Default: `false`. Use it with `StreamConfig::gzip` of [`sse-hyper`](https://docs.rs/sse-hyper), which sends it.
    /// An event counts twice in [`Retention::bytes`](crate::Retention), because its compressed form may be as long.
    #[cfg(feature = "gzip")]
    #[must_use]
    pub fn gzip(mut self, enabled: bool) -> Self {
        self.gzip = enabled;
        self
    }

    /// Sets the minimum time between two position events of a quiet subscriber: 10 s by default, with a resolution of
    /// 1 s.
    ///
    /// A subscription has no timer. It checks the time when it is polled and has no events. The keep-alive of
    /// [`sse-hyper`](https://docs.rs/sse-hyper) polls it every 15 s by default.
    #[must_use]
    pub fn position_interval(mut self, interval: Duration) -> Self {
        self.position_interval = interval;
        self
    }

    /// Returns whether publishers may not use this type.
    pub(crate) fn is_reserved(&self, event_type: &str) -> bool {
        (self.control_events && OWN_TYPES.iter().any(|own| own == event_type))
            || self
                .reserved_types
                .iter()
                .any(|reserved| reserved == event_type)
    }
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            ids: IdFormat::default(),
            first_sequence: None,
            max_subscribers: usize::MAX,
            max_event: 1024 * 1024,
            max_type: 256,
            max_key: 256,
            max_id: 256,
            max_custom_patterns: 10_000,
            publisher_ids: false,
            control_events: true,
            pattern_key: PatternKey(None),
            event_retry: Duration::ZERO..=Duration::from_secs(3600),
            reserved_types: vec!["error".into(), "open".into()],
            retry: Duration::from_secs(1)..=Duration::from_secs(5),
            #[cfg(feature = "gzip")]
            gzip: false,
            position_events: true,
            position_interval: Duration::from_secs(10),
            authorize_timeout: Duration::from_secs(10),
        }
    }
}

type KeyFunction = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Function that returns the key of a topic for custom patterns.
#[derive(Clone)]
pub(crate) struct PatternKey(Option<Arc<KeyFunction>>);

impl PatternKey {
    /// Returns the key of a topic. `None` if it is the topic itself.
    pub(crate) fn of(&self, topic: &Topic) -> Option<String> {
        self.0.as_ref().and_then(|key| key(topic.as_str()))
    }
}

impl fmt::Debug for PatternKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatternKey").finish_non_exhaustive()
    }
}

/// Policy for a subscriber that reads more slowly than events are published.
///
/// It applies when the subscriber is further behind than its [maximum lag](crate::SubscriptionBuilder::max_lag), or
/// than the log reaches back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LagPolicy {
    /// Disconnects the subscriber.
    ///
    /// Its stream ends with an event of the type `lagged`, with the data `{"behind":N}` and a reconnection time. When
    /// the client reconnects, it resumes after its last event, if the events since are still kept.
    #[default]
    Disconnect,
    /// Skips the unread events.
    ///
    /// The subscriber gets an event of the type `lagged` with the data `{"missed":N}`, and then the events from now
    /// on.
    Skip,
    /// Sends only the latest event of each [key](crate::Publication::with_key), and not the events that it replaces.
    ///
    /// Use it for state, such as prices. Events without a key are not replaced. After events have left the log, only
    /// the latest event of each key is kept. A subscriber that has missed even one of these gets a `reset`.
    Latest,
}
