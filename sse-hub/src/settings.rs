use core::{ops::RangeInclusive, time::Duration};
use std::borrow::Cow;

use sse_hyper::{Event, EventType, InvalidValue};

use crate::Ids;

/// How much of the past a hub keeps, for subscribers that come back or fall behind. Whichever limit is
/// reached first counts.
///
/// ```
/// use sse_hub::{Hub, Retention, Settings};
/// use std::time::Duration;
///
/// let retention = Retention::new()
///     .with_events(1000)
///     .with_age(Duration::from_secs(3600));
/// let hub = Hub::new(Settings::new().with_retention(retention));
/// # drop(hub);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Maximum number of events, of all topics together: 16,384 by default. Events of
    /// [quiet topics](Self#structfield.events_per_topic) are kept in addition.
    pub events: usize,
    /// Maximum number of bytes that the events take in memory, with their topics and keys: 64 MiB by
    /// default. Topics that events share are counted for each of them. The newest event is kept,
    /// however large it is.
    pub bytes: usize,
    /// Maximum age of an event that is replayed: none by default. A subscriber that begins gets no older ones, also
    /// if nothing was published meanwhile. The latest event of each key has any age, for [`Slow::Latest`]. The
    /// memory of older events is freed when others come.
    pub age: Option<Duration>,
    /// Maximum number of keys whose latest event is kept after it leaves the log: 10,000 by default. Their bytes
    /// count, too, and go first.
    pub keys: usize,
    /// Minimum number of the newest events of each topic that stay replayable while other topics are busy: 1 by
    /// default. 0 switches this off.
    ///
    /// An event that leaves the log because of [`events`](Self#structfield.events) or
    /// [`bytes`](Self#structfield.bytes) is kept as long as it is among the N newest events of one of its topics
    /// that have left. These events take at most half of `bytes`; beyond that, the oldest go first.
    /// [`age`](Self#structfield.age) holds for them, too.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sse_hub::Retention;
    ///
    /// // Each topic keeps its newest 10 events for a day, and a busy topic up to 50,000.
    /// let retention = Retention::new()
    ///     .with_events(50_000)
    ///     .with_events_per_topic(10)
    ///     .with_age(Duration::from_secs(24 * 60 * 60));
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

    /// Sets the maximum number of events, of all topics together.
    #[must_use]
    pub const fn with_events(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// Sets the maximum number of bytes that the events take in memory, with their topics and keys.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the [maximum age](Self#structfield.age) of an event that is replayed.
    #[must_use]
    pub const fn with_age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Sets the maximum number of keys whose latest event is kept after it leaves the log.
    #[must_use]
    pub const fn with_keys(mut self, keys: usize) -> Self {
        self.keys = keys;
        self
    }

    /// Sets the minimum number of the newest events of each topic that
    /// [stay replayable](Self#structfield.events_per_topic) while other topics are busy.
    #[must_use]
    pub const fn with_events_per_topic(mut self, events: usize) -> Self {
        self.events_per_topic = events;
        self
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self::new()
    }
}

/// What holds for a whole hub.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) retention: Retention,
    pub(crate) ids: Ids,
    pub(crate) first_number: Option<u64>,
    pub(crate) max_subscribers: usize,
    pub(crate) max_event: usize,
    pub(crate) max_type: usize,
    pub(crate) max_key: usize,
    pub(crate) event_retry: RangeInclusive<Duration>,
    reserved_types: Vec<Cow<'static, str>>,
    pub(crate) retry: RangeInclusive<Duration>,
    pub(crate) announces_position: bool,
    pub(crate) position_interval: Duration,
    pub(crate) authority_timeout: Duration,
    reset: Option<EventType>,
    lagged: Option<EventType>,
    denied: Option<EventType>,
    position: Option<EventType>,
}

impl Settings {
    /// The default [`Retention`], plain IDs, events of up to 1 MiB, and as many subscribers as come.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how much of the past is kept.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Sets how IDs look.
    #[must_use]
    pub fn with_ids(mut self, ids: Ids) -> Self {
        self.ids = ids;
        self
    }

    /// Sets the number of the first event, for a hub in memory that goes on with an older one's events.
    ///
    /// By default it is 1, and each hub has an [epoch](Ids) of its own, so that an ID from before a restart is known
    /// to be unknown. With a first number, IDs have no epoch, and the caller promises that numbers ascend over
    /// restarts.
    ///
    /// A number greater than 2^63 - 1 counts as that, so that numbers never end.
    #[must_use]
    pub fn with_first_number(mut self, number: u64) -> Self {
        self.first_number = Some(number);
        self
    }

    /// Sets how many subscribers there may be at a time.
    #[must_use]
    pub fn with_max_subscribers(mut self, subscribers: usize) -> Self {
        self.max_subscribers = subscribers;
        self
    }

    /// Sets how many bytes an event may have, its data together with its type and its key: 1 MiB by
    /// default. CR and LF in data count as 7 bytes each, which is what they take on the wire.
    #[must_use]
    pub fn with_max_event(mut self, bytes: usize) -> Self {
        self.max_event = bytes;
        self
    }

    /// Sets the maximum length of an event's type, in bytes: 256 by default.
    #[must_use]
    pub fn with_max_type(mut self, bytes: usize) -> Self {
        self.max_type = bytes;
        self
    }

    /// Sets the maximum length of an event's key, in bytes: 256 by default.
    #[must_use]
    pub fn with_max_key(mut self, bytes: usize) -> Self {
        self.max_key = bytes;
        self
    }

    /// Sets which reconnection times an event may carry: up to an hour by default.
    ///
    /// A long one keeps a client away for that long after its next disconnection. A short one makes
    /// browsers ask a server that refuses them again and again.
    #[must_use]
    pub fn with_event_retry(mut self, allowed: RangeInclusive<Duration>) -> Self {
        self.event_retry = allowed;
        self
    }

    /// Sets the event types that the hub refuses, in place of `error` and `open`. The types of the events
    /// that [the hub itself sends](Self::with_types) are always refused.
    ///
    /// An event of the type `error` or `open` runs the `onerror` or `onopen` handler of a browser's
    /// `EventSource`, which takes it for a change of the connection.
    #[must_use]
    pub fn with_reserved_types<T: Into<Cow<'static, str>>>(
        mut self,
        types: impl IntoIterator<Item = T>,
    ) -> Self {
        self.reserved_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets when a subscriber that was too slow may come back, another time for each: 1 to 5 s by
    /// default.
    #[must_use]
    pub fn with_retry(mut self, reconnection_time: RangeInclusive<Duration>) -> Self {
        self.retry = reconnection_time;
        self
    }

    /// Sets how long an [`Authority`](crate::Authority) may take to answer: 10 s by default. After that time, the
    /// subscriber is denied.
    #[must_use]
    pub fn with_authority_timeout(mut self, timeout: Duration) -> Self {
        self.authority_timeout = timeout;
        self
    }

    /// Sets whether subscribers are told their position, by events of the type `position` with the data `{}`, whose
    /// ID resumes after all that the subscriber has seen. `true` by default.
    ///
    /// Such an event comes first of all, so that a client that loses the connection before its first event misses
    /// nothing. It does not come first if the replay begins before events that are lost: a client that comes back
    /// without an ID gets the replay once more. It comes again, at most every
    /// [`with_position_interval`](Self::with_position_interval), when the subscriber has heard of all events and others
    /// were published that it does not select: so its last event ID stays one that is still known.
    #[must_use]
    pub fn with_position(mut self, enabled: bool) -> Self {
        self.announces_position = enabled;
        self
    }

    /// Sets the least time between two positions that a quiet subscriber is told: 10 s by default, with a resolution
    /// of 1 s.
    ///
    /// A subscription has no timer of its own. It looks at the time when it is polled and has nothing else, which the
    /// keep-alive of [`sse_hyper`] does every 15 s by default.
    #[must_use]
    pub fn with_position_interval(mut self, interval: Duration) -> Self {
        self.position_interval = interval;
        self
    }

    /// Sets the types of the events that the hub itself sends, in place of `reset`, `lagged` and
    /// `denied`. Events of these types, and of the type `position`, are refused from publishers and from the
    /// backend.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if one of them cannot be the type of an event.
    pub fn with_types(
        mut self,
        reset: &'static str,
        lagged: &'static str,
        denied: &'static str,
    ) -> Result<Self, InvalidValue> {
        self.reset = Some(EventType::new(reset)?);
        self.lagged = Some(EventType::new(lagged)?);
        self.denied = Some(EventType::new(denied)?);
        Ok(self)
    }

    /// Returns whether publishers may not use this type.
    pub(crate) fn is_reserved(&self, event_type: &str) -> bool {
        let own = [&self.reset, &self.lagged, &self.denied, &self.position];
        own.into_iter()
            .flatten()
            .any(|it| it.as_str() == event_type)
            || self.reserved_types.iter().any(|it| it == event_type)
    }

    pub(crate) fn reset(&self, data: String) -> Event {
        event(&self.reset, data)
    }

    pub(crate) fn lagged(&self, data: String) -> Event {
        event(&self.lagged, data)
    }

    /// Returns the event that says nothing but its ID.
    pub(crate) fn position(&self) -> Event {
        event(&self.position, "{}")
    }

    pub(crate) fn denied(&self, data: impl Into<Cow<'static, str>>) -> Event {
        event(&self.denied, data)
    }
}

impl Default for Settings {
    fn default() -> Self {
        // None of the four has a line end.
        let [reset, lagged, denied, position] =
            ["reset", "lagged", "denied", "position"].map(|name| EventType::new(name).ok());
        Self {
            retention: Retention::default(),
            ids: Ids::default(),
            first_number: None,
            max_subscribers: usize::MAX,
            max_event: 1024 * 1024,
            max_type: 256,
            max_key: 256,
            event_retry: Duration::ZERO..=Duration::from_secs(3600),
            reserved_types: vec!["error".into(), "open".into()],
            retry: Duration::from_secs(1)..=Duration::from_secs(5),
            announces_position: true,
            position_interval: Duration::from_secs(10),
            authority_timeout: Duration::from_secs(10),
            reset,
            lagged,
            denied,
            position,
        }
    }
}

/// An event that the hub itself sends.
fn event(event_type: &Option<EventType>, data: impl Into<Cow<'static, str>>) -> Event {
    let event = Event::new(data);
    match event_type {
        Some(event_type) => event.with_type(event_type.clone()),
        None => event,
    }
}

/// What happens to a subscriber that reads more slowly than events come, once it is further behind than
/// [it may be](crate::Subscriber::with_max_lag) or than the log reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slow {
    /// Its stream ends with an event of the type `lagged` with the data `{"behind":N}` and a
    /// reconnection time. When it comes back, it goes on where it was, if that is still known.
    #[default]
    Disconnect,
    /// It goes on with the newest event, behind an event of the type `lagged` with the data
    /// `{"missed":N}`.
    Skip,
    /// It gets only the latest event of each [key](crate::Post::with_key): an event that a newer one
    /// has replaced is not sent any more. For state, such as prices. Events without a key are replaced
    /// by none. Behind the log there are only those with a key; if it has missed one even of these, it
    /// gets a `reset`.
    Latest,
}
