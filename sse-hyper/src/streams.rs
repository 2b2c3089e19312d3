use core::fmt;
use std::sync::Arc;

use http::{Request, Response};

use crate::{
    CloseEvent, EventBody, EventStream, StreamConfig,
    headers::respond,
    member::{Member, Shared},
};

/// Returns the whole response to a request for events, with a comment every 15 s when idle.
///
/// Status and headers are those of [`respond`]. The body must be polled on a tokio runtime whose timer is enabled.
/// Use [`StreamTracker::respond`] if you need to count or close the streams.
#[cfg(feature = "tokio")]
pub fn response<B, S: EventStream>(request: &Request<B>, events: S) -> Response<EventBody<S>> {
    use std::sync::LazyLock;

    static STREAMS: LazyLock<StreamTracker> = LazyLock::new(StreamTracker::default);
    STREAMS.respond(request, events)
}

/// Handle on all event streams of a server: shares their settings, counts them and closes them.
///
/// All clones are handles on the same streams.
///
/// ```
/// use http::Request;
/// use futures_util::stream;
/// use sse_hyper::{Event, EventType, CloseEvent, StreamTracker};
/// use std::time::Duration;
///
/// let streams = StreamTracker::default();
/// let request = Request::new(()); // from the server
/// let response = streams.respond(&request, stream::pending::<Event>());
/// assert_eq!(streams.open_streams(), 1);
///
/// // Before the server shuts down:
/// let event = Event::new("back soon").with_type(EventType::new("restart")?);
/// let spread = Duration::from_secs(1)..=Duration::from_secs(10);
/// streams.close(CloseEvent::new(event).with_retry(spread));
/// # drop(response);
/// # assert_eq!(streams.open_streams(), 0);
/// # Ok::<(), sse_hyper::InvalidValue>(())
/// ```
#[derive(Clone)]
pub struct StreamTracker {
    shared: Arc<Shared>,
}

impl StreamTracker {
    /// Creates a handle with these settings and no streams.
    pub fn new(config: StreamConfig) -> Self {
        Self {
            shared: Arc::new(Shared::new(config)),
        }
    }

    /// Returns the whole response to a request for events: [`respond`] with a [`body`](Self::body).
    pub fn respond<B, S: EventStream>(
        &self,
        request: &Request<B>,
        events: S,
    ) -> Response<EventBody<S>> {
        respond(request, self.body(events))
    }

    /// Creates a body that sends these events and belongs to this handle.
    pub fn body<S: EventStream>(&self, events: S) -> EventBody<S> {
        EventBody::member(events, Member::new(&self.shared))
    }

    /// Returns the number of open streams: bodies that were not dropped yet.
    ///
    /// hyper drops a body when the body has ended or when its client is gone.
    pub fn open_streams(&self) -> usize {
        self.shared.open()
    }

    /// Ends all streams now, and each new stream as soon as it opens. Only the first call counts.
    ///
    /// Each client that reads gets the events that are ready, the close event and the end of the body. Then a graceful
    /// shutdown of the server, which waits for its connections, ends soon. It still waits for clients that have
    /// stopped reading, so use it with a timeout.
    pub fn close(&self, close_event: CloseEvent) {
        self.shared.close(close_event);
    }
}

#[cfg(feature = "tokio")]
impl Default for StreamTracker {
    /// Creates a handle with the default [`StreamConfig`].
    fn default() -> Self {
        Self::new(StreamConfig::default())
    }
}

impl fmt::Debug for StreamTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamTracker")
            .field("config", self.shared.config())
            .field("open", &self.open_streams())
            .field("close_event", &self.shared.close_event())
            .finish()
    }
}
