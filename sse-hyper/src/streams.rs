use core::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Waker},
};
use std::sync::{Arc, OnceLock};

use core::pin::Pin;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{EventBody, EventStream, Farewell, Settings, respond};

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

struct Shared {
    settings: Settings,
    open: AtomicUsize,
    /// Set when the streams are to end.
    farewell: OnceLock<Farewell>,
    closed: Arc<Notify>,
}

impl Streams {
    /// No streams yet, with these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                open: AtomicUsize::new(0),
                farewell: OnceLock::new(),
                closed: Arc::default(),
            }),
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
        EventBody::member(events, self)
    }

    /// How many streams are open: bodies that were not dropped yet. hyper drops a body when it has
    /// ended or when its client is gone.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Ends all streams at once, and each new one as soon as it opens. Of several calls, the first
    /// one counts.
    ///
    /// A connection that can take it gets what is ready, the farewell and the end of the body, so a
    /// graceful shutdown of the server that waits for its connections is soon through. It still
    /// waits for clients that have stopped reading; so put a timeout around it.
    pub fn close(&self, farewell: Farewell) {
        if self.shared.farewell.set(farewell).is_ok() {
            self.shared.closed.notify_waiters();
        }
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
            .field("settings", &self.shared.settings)
            .field("open", &self.open())
            .field("farewell", &self.shared.farewell.get())
            .finish()
    }
}

pin_project! {
    /// One stream among those of a server.
    pub(crate) struct Member {
        place: Place,
        // Made with the member, so that no call of `close` is missed.
        #[pin]
        closed: OwnedNotified,
        // Who is woken by `close`. Asking again with the same waker would take a lock that all
        // streams share.
        waker: Option<Waker>,
    }
}

/// Counts as long as it lives.
struct Place(Arc<Shared>);

impl Member {
    pub(crate) fn new(streams: &Streams) -> Self {
        let shared = Arc::clone(&streams.shared);
        shared.open.fetch_add(1, Ordering::Relaxed);
        Self {
            closed: Arc::clone(&shared.closed).notified_owned(),
            place: Place(shared),
            waker: None,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.place.0.settings
    }

    /// The farewell, once the streams are to end. Until then, the task will be woken for it.
    pub(crate) fn poll_closed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<&Farewell> {
        let this = self.project();
        let farewell = &this.place.0.farewell;
        if farewell.get().is_none()
            && this
                .waker
                .as_ref()
                .is_none_or(|waker| !waker.will_wake(cx.waker()))
        {
            // Whatever comes of it: when it is ready, the farewell is there.
            let _ = this.closed.poll(cx);
            *this.waker = Some(cx.waker().clone());
        }
        farewell.get()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
