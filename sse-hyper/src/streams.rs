use core::fmt;
use std::sync::Arc;

use http::{Request, Response};

use crate::{
    EventBody, EventStream, Farewell, Settings,
    headers::respond,
    member::{Member, Shared},
};

/// The whole response to a request for events, with a comment every 15 s when idle.
///
/// For servers that need no handle on their streams; [`Streams::respond`]
/// is for the others. The body has to be polled on a tokio runtime with its timer on.
#[cfg(feature = "tokio")]
pub fn response<B, S: EventStream>(request: &Request<B>, events: S) -> Response<EventBody<S>> {
    use std::sync::LazyLock;

    static STREAMS: LazyLock<Streams> = LazyLock::new(Streams::default);
    STREAMS.respond(request, events)
}

/// All event streams of a server: what they have in common, how many are open, and their end.
///
/// A handle: clones are of the same streams.
///
/// ```
/// use http::Request;
/// use futures_util::stream;
/// use sse_hyper::{Event, EventType, Farewell, Streams};
/// use std::time::Duration;
///
/// let streams = Streams::default();
/// let request = Request::new(()); // from the server
/// let response = streams.respond(&request, stream::pending::<Event>());
/// assert_eq!(streams.open(), 1);
///
/// // Before the server shuts down:
/// let event = Event::new("back soon").with_type(EventType::new("restart")?);
/// let spread = Duration::from_secs(1)..=Duration::from_secs(10);
/// streams.close(Farewell::new(event).with_retry(spread));
/// # drop(response);
/// # assert_eq!(streams.open(), 0);
/// # Ok::<(), sse_hyper::InvalidValue>(())
/// ```
#[derive(Clone)]
pub struct Streams {
    shared: Arc<Shared>,
}

impl Streams {
    /// No streams yet, with these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            shared: Arc::new(Shared::new(settings)),
        }
    }

    /// The whole response to a request for events: [`respond`] with a [`body`](Self::body).
    pub fn respond<B, S: EventStream>(
        &self,
        request: &Request<B>,
        events: S,
    ) -> Response<EventBody<S>> {
        respond(request, self.body(events))
    }

    /// A body that follows these events, as one of these streams.
    pub fn body<S: EventStream>(&self, events: S) -> EventBody<S> {
        EventBody::member(events, Member::new(&self.shared))
    }

    /// How many streams are open: bodies that were not dropped yet. hyper drops a body when it has
    /// ended or when its client is gone.
    pub fn open(&self) -> usize {
        self.shared.open()
    }

    /// Ends all streams at once, and each new one as soon as it opens. Of several calls, the first
    /// one counts.
    ///
    /// A connection that can take it gets what is ready, the farewell and the end of the body, so a
    /// graceful shutdown of the server that waits for its connections is soon through. It still
    /// waits for clients that have stopped reading; so put a timeout around it.
    pub fn close(&self, farewell: Farewell) {
        self.shared.close(farewell);
    }
}

#[cfg(feature = "tokio")]
impl Default for Streams {
    /// The default [`Settings`].
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("settings", self.shared.settings())
            .field("open", &self.open())
            .field("farewell", &self.shared.farewell())
            .finish()
    }
}
