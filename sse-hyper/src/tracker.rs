use core::{
    fmt,
    future::{pending, poll_fn},
    pin::{Pin, pin},
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use sse_proto::CloseEvent;
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{
    EventBody, EventFrames, EventStream, EventStreamRequest, StreamConfig, coding::Coding,
    response::RequestHead,
};

/// Tracker of the event streams of a server: configures them, counts them, and closes them.
///
/// It has the roles of tokio-util's `TaskTracker` and `CancellationToken`, for streams. A clone is cheap and tracks the
/// same streams. With axum, put it into the router as an `Extension`: each
/// [`EventStreamRequest`](crate::EventStreamRequest) uses it.
///
/// ```
/// use http::Request;
/// use futures_util::stream;
/// use sse_hyper::{Event, EventType, CloseEvent, StreamTracker};
/// use std::time::Duration;
///
/// let tracker = StreamTracker::default();
/// let request = Request::new(()); // from the server
/// let response = tracker.respond(&request, stream::pending::<Event>());
/// assert_eq!(tracker.open_streams(), 1);
///
/// // Before the server shuts down:
/// let event = Event::new("back soon").with_type(EventType::new("restart")?);
/// let spread = Duration::from_secs(1)..=Duration::from_secs(10);
/// tracker.close(CloseEvent::new(event).with_retry(spread));
/// # drop(response);
/// # assert_eq!(tracker.open_streams(), 0);
/// # Ok::<(), sse_hyper::InvalidValue>(())
/// ```
///
/// # Graceful shutdown
///
/// A graceful shutdown waits until all connections end, and an open event stream may never end. So close the streams
/// when the shutdown begins, by one of these:
///
/// - [`close_on`](Self::close_on) waits for a signal, then closes. It is the argument of axum's
///   `with_graceful_shutdown` and of warp's `graceful`.
/// - [`closed`](Self::closed) waits until other code has called [`close`](Self::close). It is such an argument too.
/// - [`run_server`](Self::run_server) ends a server whose clients have stopped reading, after a timeout.
#[derive(Clone)]
pub struct StreamTracker {
    shared: Arc<Shared>,
}

impl StreamTracker {
    /// Creates a tracker with this configuration and no streams.
    pub fn new(config: StreamConfig) -> Self {
        Self {
            shared: Arc::new(Shared {
                config,
                open_streams: AtomicUsize::new(0),
                close_event: OnceLock::new(),
                closed: Arc::default(),
            }),
        }
    }

    /// Returns the whole response to a request for events: status, headers and a tracked body.
    ///
    /// The response is `200 OK` with the headers of [`EventBody::into_response`], but for these requests:
    ///
    /// - `HEAD` gets the same headers and no stream.
    /// - A `GET` or `HEAD` whose `Accept` excludes `text/event-stream` gets `406 Not Acceptable`
    ///   ([RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)). For other methods, `Accept` is
    ///   ignored: clients of LLM APIs accept `application/json` and ask for the stream in the request body.
    /// - A request of HTTP/0.9 or of an unknown version gets `505 HTTP Version Not Supported`, with the body
    ///   `Streaming unsupported!`. Such a response could not say that it is an event stream, nor where it ends.
    ///
    /// HTTP/1.0 gets the stream, and hyper ends that body by closing the connection. HTTP/1.1 gets chunks; HTTP/2 and
    /// HTTP/3 have frames of their own. A request that hyper cannot parse does not get here: hyper answers it with
    /// 400.
    ///
    /// The method is not checked otherwise. The routes of the server decide which methods may ask for events.
    pub fn respond<B, S: EventStream>(
        &self,
        request: &Request<B>,
        events: S,
    ) -> Response<EventBody<S>> {
        RequestHead::new(request.method(), request.version(), request.headers())
            .respond(self.body(events))
    }

    /// Reads what a response of events depends on, for a handler that also needs the last event ID.
    ///
    /// ```
    /// use futures_util::stream;
    /// use http::{Request, Response};
    /// use sse_hyper::{Event, EventBody, EventStream, StreamTracker};
    ///
    /// fn count<B>(tracker: &StreamTracker, request: &Request<B>) -> Response<EventBody<impl EventStream>> {
    ///     let request = tracker.request(request);
    ///     let next = request.last_event_id().map_or(1, |seen: u64| seen.saturating_add(1));
    ///     let events = (next..=u64::MAX).map(|n| Event::new(n.to_string()).with_id(n));
    ///     request.respond(stream::iter(events))
    /// }
    /// # drop(count(&StreamTracker::default(), &Request::new(())));
    /// ```
    pub fn request<B>(&self, request: &Request<B>) -> EventStreamRequest {
        EventStreamRequest::from_head(
            request.method(),
            request.version(),
            request.headers(),
            request.uri(),
            Some(self.clone()),
        )
    }

    /// Creates a tracked body that sends these events.
    ///
    /// Use it if the request needs no check; otherwise, use [`respond`](Self::respond).
    pub fn body<S: EventStream>(&self, events: S) -> EventBody<S> {
        EventBody::tracked(events, StreamGuard::new(Arc::clone(&self.shared)))
    }

    /// Creates the tracked frames of these events, for a server that has its own sockets and timers.
    ///
    /// `now` is the time at which the first comment was sent, `":\n\n"`. It is not part of the frames.
    pub fn frames<S: EventStream>(&self, events: S, now: Instant) -> EventFrames<S> {
        EventFrames::new(events, Coding::Identity, Arc::clone(&self.shared), now)
    }

    /// Creates the tracked frames of these events, as parts of a gzip stream.
    ///
    /// `now` is the time at which the [header](sse_proto::GZIP_HEADER) and the first comment were sent. They are not
    /// part of the frames.
    #[cfg(feature = "gzip")]
    pub fn gzip_frames<S: EventStream>(&self, events: S, now: Instant) -> EventFrames<S> {
        EventFrames::new(events, Coding::Gzip, Arc::clone(&self.shared), now)
    }

    /// Returns the number of open streams: bodies that were not dropped yet.
    ///
    /// hyper drops a body when the body has ended or when its client is gone.
    pub fn open_streams(&self) -> usize {
        self.shared.open_streams.load(Ordering::Relaxed)
    }

    /// Ends all streams now, and each new stream as soon as it opens. Only the first call counts.
    ///
    /// Each client that reads gets the events that are ready, the close event and the end of the body. Then a graceful
    /// shutdown of the server, which waits for its connections, ends soon. It still waits for clients that have
    /// stopped reading: use [`run_server`](Self::run_server), or a timeout.
    pub fn close(&self, close_event: CloseEvent) {
        if self.shared.close_event.set(close_event).is_ok() {
            self.shared.closed.notify_waiters();
        }
    }

    /// Waits for the signal, then calls [`close`](Self::close) with the close event.
    ///
    /// The output of the signal is ignored, so `tokio::signal::ctrl_c()` is a signal. The future borrows nothing: it
    /// can be the argument of `with_graceful_shutdown`.
    ///
    /// ```no_run
    /// # #[cfg(feature = "axum")]
    /// # mod example {
    /// use axum::{Extension, Router, response::IntoResponse, routing::get};
    /// use futures_util::stream;
    /// use sse_hyper::{CloseEvent, Event, EventStreamRequest, StreamTracker};
    ///
    /// async fn events(sse: EventStreamRequest) -> impl IntoResponse {
    ///     sse.respond(stream::pending::<Event>())
    /// }
    ///
    /// # #[tokio::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let tracker = StreamTracker::default();
    ///     let router = Router::new().route("/events", get(events)).layer(Extension(tracker.clone()));
    ///     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    ///     let signal = tokio::signal::ctrl_c();
    ///     axum::serve(listener, router)
    ///         .with_graceful_shutdown(tracker.close_on(signal, CloseEvent::default()))
    ///         .await
    /// }
    /// # }
    /// ```
    pub fn close_on<F: IntoFuture>(
        &self,
        signal: F,
        close_event: CloseEvent,
    ) -> impl Future<Output = ()> + use<F> {
        let tracker = self.clone();
        let signal = signal.into_future();
        async move {
            signal.await;
            tracker.close(close_event);
        }
    }

    /// Waits until [`close`](Self::close) was called. It does not wait until the streams have ended.
    ///
    /// The future borrows nothing: it can be the argument of `with_graceful_shutdown`.
    pub fn closed(&self) -> impl Future<Output = ()> + use<> {
        let shared = Arc::clone(&self.shared);
        // Created before the check, so that no call of `close` is missed.
        let notified = Arc::clone(&shared.closed).notified_owned();
        async move {
            if shared.close_event.get().is_none() {
                notified.await;
            }
        }
    }

    /// Runs the server until it ends, but not longer than the timeout after [`close`](Self::close) was called.
    ///
    /// Returns the output of the server, or `None` after the timeout. Use it because a graceful shutdown waits for
    /// ever for a client that keeps its connection and reads nothing.
    ///
    /// ```no_run
    /// # async fn run(listener: tokio::net::TcpListener, router: axum::Router) -> std::io::Result<()> {
    /// use sse_hyper::{CloseEvent, Event, StreamTracker};
    /// use std::time::Duration;
    ///
    /// let tracker = StreamTracker::default();
    /// let close_event = CloseEvent::new(Event::new("back soon"));
    /// let server = axum::serve(listener, router)
    ///     .with_graceful_shutdown(tracker.close_on(tokio::signal::ctrl_c(), close_event));
    /// tracker.run_server(server, Duration::from_secs(3)).await.unwrap_or(Ok(()))
    /// # }
    /// ```
    pub async fn run_server<F: IntoFuture>(
        &self,
        server: F,
        shutdown_timeout: Duration,
    ) -> Option<F::Output> {
        let mut server = pin!(server.into_future());
        let mut timeout = pin!(async {
            self.closed().await;
            match &self.shared.config.timer {
                Some(timer) => timer.sleep(shutdown_timeout).await,
                None => pending().await,
            }
        });
        poll_fn(|cx| match server.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => timeout.as_mut().poll(cx).map(|()| None),
        })
        .await
    }
}

#[cfg(feature = "tokio")]
impl Default for StreamTracker {
    /// Creates a tracker with the default [`StreamConfig`].
    fn default() -> Self {
        Self::new(StreamConfig::default())
    }
}

impl fmt::Debug for StreamTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamTracker")
            .field("config", &self.shared.config)
            .field("open_streams", &self.open_streams())
            .field("close_event", &self.shared.close_event.get())
            .finish()
    }
}

/// State that all streams of a tracker share.
pub(crate) struct Shared {
    config: StreamConfig,
    open_streams: AtomicUsize,
    /// Set by `close`.
    close_event: OnceLock<CloseEvent>,
    closed: Arc<Notify>,
}

pin_project! {
    /// Guard of one tracked stream: counts it, and tells it when the tracker closes.
    pub(crate) struct StreamGuard {
        count: CountGuard,
        // Created together with the guard, so that no call of `close` is missed.
        #[pin]
        closed: OwnedNotified,
        // Waker that `close` wakes. To register the same waker again would take a lock that all
        // streams share.
        waker: Option<Waker>,
    }
}

/// Guard that counts as an open stream until it is dropped.
pub(crate) struct CountGuard(Arc<Shared>);

impl CountGuard {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        shared.open_streams.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }

    pub(crate) fn config(&self) -> &StreamConfig {
        &self.0.config
    }

    /// Returns the close event, or `None` before `close`.
    pub(crate) fn close_event(&self) -> Option<&CloseEvent> {
        self.0.close_event.get()
    }
}

impl StreamGuard {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            closed: Arc::clone(&shared.closed).notified_owned(),
            count: CountGuard::new(shared),
            waker: None,
        }
    }

    pub(crate) fn config(&self) -> &StreamConfig {
        self.count.config()
    }

    /// Returns the close event, or `None` before `close`.
    pub(crate) fn close_event(&self) -> Option<&CloseEvent> {
        self.count.close_event()
    }

    /// Returns the close event, or registers the task to be woken by `close`.
    pub(crate) fn poll_closed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<&CloseEvent> {
        let this = self.project();
        let close_event = &this.count.0.close_event;
        if close_event.get().is_none()
            && this
                .waker
                .as_ref()
                .is_none_or(|waker| !waker.will_wake(cx.waker()))
        {
            // The result is not needed: if it is ready, the close event is set.
            let _ = this.closed.poll(cx);
            *this.waker = Some(cx.waker().clone());
        }
        close_event.get()
    }
}

impl Drop for CountGuard {
    fn drop(&mut self) {
        self.0.open_streams.fetch_sub(1, Ordering::Relaxed);
    }
}
