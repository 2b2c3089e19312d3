use core::{fmt, ops::RangeInclusive, time::Duration};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hyper::rt::Timer;
use sse_proto::{Comment, Event, EventType};

use crate::idle_timer::RuntimeTimer;

/// Default interval of the keep-alive. Most proxies close connections that are idle for 30 s or 60 s.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Type of a keep-alive event without a type of its own.
const PING: EventType = EventType::from_static("ping");

/// Configuration of a body without keep-alive, reconnection time and maximum age. It needs no timer.
pub(crate) static EMPTY_CONFIG: StreamConfig = StreamConfig::empty();

/// Default configuration, for streams without a tracker.
#[cfg(feature = "tokio")]
pub(crate) static DEFAULT_CONFIG: StreamConfig = StreamConfig {
    timer: Some(RuntimeTimer::Tokio),
    keep_alive: Some(KeepAlive::new()),
    max_age: None,
    reconnection_time: None,
    gzip: false,
};

/// Configuration of event streams: keep-alive, reconnection time and maximum age.
///
/// Pass it to [`StreamTracker::new`](crate::StreamTracker::new).
///
/// ```
/// use std::time::Duration;
/// use hyper_util::rt::TokioTimer;
/// use sse_hyper::{KeepAlive, StreamConfig, StreamTracker};
///
/// let config = StreamConfig::new(TokioTimer::new())
///     .keep_alive(KeepAlive::new().interval(Duration::from_secs(25)))
///     .reconnection_time(Duration::from_secs(2));
/// let tracker = StreamTracker::new(config);
/// # drop(tracker);
/// ```
#[derive(Clone)]
pub struct StreamConfig {
    /// Timer for the keep-alive and the maximum age. Without a timer, streams have neither.
    pub(crate) timer: Option<RuntimeTimer>,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) max_age: Option<RangeInclusive<Duration>>,
    pub(crate) reconnection_time: Option<RangeInclusive<Duration>>,
    /// Streams are compressed for clients that accept it.
    pub(crate) gzip: bool,
}

impl StreamConfig {
    /// Creates a configuration with the default [`KeepAlive`], which uses the given timer of a runtime.
    ///
    /// There is no reconnection time and no maximum age by default.
    pub fn new(timer: impl Timer + Send + Sync + 'static) -> Self {
        Self {
            timer: Some(RuntimeTimer::Custom(Arc::new(timer))),
            keep_alive: Some(KeepAlive::new()),
            ..Self::empty()
        }
    }

    const fn empty() -> Self {
        Self {
            timer: None,
            keep_alive: None,
            max_age: None,
            reconnection_time: None,
            gzip: false,
        }
    }

    /// Sets the comment or event that keeps an idle connection alive. `None` turns it off.
    ///
    /// Default: an empty comment every 15 s. Without a keep-alive, proxies may close idle connections, and the
    /// server does not notice a client that has disappeared without closing its connection.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.keep_alive = keep_alive.into();
        self
    }

    /// Sets the reconnection time that is sent in the block of the first event, unless that event has its own.
    ///
    /// Default: none. It is never sent in a block without an event, because some clients dispatch an event for such
    /// a block.
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
        self.reconnection_time = Some(reconnection_times);
        self
    }

    /// Sets a range of maximum ages; each stream ends at a random age from it.
    ///
    /// Default: none. The client reconnects with its last event ID. So the clients spread over the servers again,
    /// and they do not all reconnect at the same time.
    #[must_use]
    pub fn max_age(mut self, age: RangeInclusive<Duration>) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Sets whether streams are compressed for clients that accept gzip.
    ///
    /// Default: `false`. Each event is compressed alone, so this pays off for events of some hundred bytes and more,
    /// such as HTML. It takes no memory for each connection. An [`Encoded`](crate::Encoded) that
    /// [keeps its compressed form](crate::Encoded::keep_deflated) is compressed once for all clients.
    ///
    /// Events do not influence each other's length. But do not put a secret into one event together with text that an
    /// attacker can choose (BREACH).
    #[cfg(feature = "gzip")]
    #[must_use]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }
}

#[cfg(feature = "tokio")]
impl Default for StreamConfig {
    /// Creates a configuration with the default [`KeepAlive`] on tokio's timer, and nothing else.
    fn default() -> Self {
        DEFAULT_CONFIG.clone()
    }
}

impl fmt::Debug for StreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamConfig")
            .field("keep_alive", &self.keep_alive)
            .field("max_age", &self.max_age)
            .field("reconnection_time", &self.reconnection_time)
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}

/// Comment or event that an idle stream sends to keep its connection alive.
///
/// "Legacy proxy servers are known to, in certain cases, drop HTTP connections after a short
/// timeout. To protect against such proxy servers, authors can include a comment line (one starting
/// with a ':' character) every 15 seconds or so."
/// ([9.2.7](https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes))
///
/// It also lets the server notice a client that has disappeared without closing its connection.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    pub(crate) interval: Duration,
    pub(crate) block: Bytes,
}

impl KeepAlive {
    /// Creates a keep-alive that sends an empty comment after 15 s without an event.
    pub const fn new() -> Self {
        Self {
            interval: KEEP_ALIVE_INTERVAL,
            block: Bytes::from_static(b":\n\n"),
        }
    }

    /// Sets the time for which the stream must be idle. The minimum is 1 ms; `Duration::MAX` sends nothing.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets the text of the comment.
    #[must_use]
    pub fn comment(mut self, text: &str) -> Self {
        let mut block = BytesMut::new();
        Comment::new(text).encode(&mut block);
        self.block = block.freeze();
        self
    }

    /// Sets an event that is sent instead of the comment.
    ///
    /// Scripts in browsers cannot see comments, so they need an event to tell an idle server from one that is gone.
    /// An event without a type, or of the type `message`, gets the type `ping`, so that it does not reach the
    /// `onmessage` of a page. Give it no ID, because a client cannot resume after it.
    #[must_use]
    pub fn event(mut self, event: &Event) -> Self {
        let mut block = BytesMut::new();
        event.clone().with_default_type(PING).encode(&mut block);
        self.block = block.freeze();
        self
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns a random duration from the range, in whole milliseconds.
pub(crate) fn random_duration(range: &RangeInclusive<Duration>) -> Duration {
    let milliseconds = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (start, end) = (milliseconds(range.start()), milliseconds(range.end()));
    Duration::from_millis(fastrand::u64(start..=end.max(start)))
}
