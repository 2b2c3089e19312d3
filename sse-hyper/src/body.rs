use core::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Body, SizeHint};
use pin_project_lite::pin_project;

use crate::{
    IntoFrame, StreamConfig,
    coding::Coding,
    config::EMPTY_CONFIG,
    frame::Frame,
    idle_timer::{IdleAction, IdleTimer},
    stream_state::StreamState,
    tracker::StreamGuard,
    turn::Turn,
};

/// Stream whose items can be sent as events.
///
/// Every stream of [`IntoFrame`] items implements this trait: of [`Event`](crate::Event), of an `Arc<Event>` that is
/// sent to many clients, of any type with an event ([`AsEvent`](crate::AsEvent)), of [`Encoded`](crate::Encoded), and
/// of results of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of events",
    label = "not a `Stream` of `Event`s",
    note = "for an iterator or a list, write `futures_util::stream::iter(events)`",
    note = "for a receiver of tokio, write `tokio_stream::wrappers::ReceiverStream::new(receiver)`, or use the wrapper \
            for its type"
)]
pub trait EventStream: Stream<Item: IntoFrame> {}

impl<S: Stream<Item: IntoFrame>> EventStream for S {}

pin_project! {
    /// Body of a response that sends the events of a stream.
    ///
    /// The body holds at most 16 KiB and one event. It polls the stream for more only after the connection has taken
    /// them. A frame has at most 32 KiB. A larger event is handed to the connection in parts, so that the connection
    /// never copies all of it. The stream is dropped when it ends, or when the body is dropped.
    ///
    /// A stream that is always ready does not keep other tasks from the thread: after 2048 events or 256 KiB without
    /// a pause, the body returns `Pending` once and wakes its task.
    #[must_use = "a body does nothing unless it is sent in a response"]
    pub struct EventBody<S> {
        #[pin]
        state: StreamState<S>,
        frame: Frame,
        // Length of the last frame in bytes, because the next frame is often as long.
        last_frame_len: usize,
        idle_timer: IdleTimer,
        turn: Turn,
        // Configuration of a body without a guard.
        config: &'static StreamConfig,
        #[pin]
        guard: Option<StreamGuard>,
    }
}

impl<S: EventStream> EventBody<S> {
    /// Creates a body that sends an empty comment first and then the events of the stream.
    ///
    /// It has no keep-alive and no tracker. [`StreamTracker::body`](crate::StreamTracker::body) creates a body that
    /// has both.
    pub fn new(events: S) -> Self {
        Self::open(events, &EMPTY_CONFIG, None)
    }

    /// Creates a body with the default configuration and no tracker.
    #[cfg(feature = "tokio")]
    pub(crate) fn with_default_config(events: S) -> Self {
        Self::open(events, &crate::config::DEFAULT_CONFIG, None)
    }

    pub(crate) fn tracked(events: S, guard: StreamGuard) -> Self {
        Self::open(events, &EMPTY_CONFIG, Some(guard))
    }

    fn open(events: S, config: &'static StreamConfig, guard: Option<StreamGuard>) -> Self {
        Self {
            state: StreamState::new(Some(events)),
            config,
            guard,
            ..Self::with_frame(Frame::first(Coding::Identity))
        }
    }
}

impl<S> EventBody<S> {
    /// Creates a body that sends this text and no events.
    pub(crate) fn text(text: &str) -> Self {
        Self::with_frame(BytesMut::from(text).into())
    }

    /// Sets the coding of a body that was not polled yet.
    pub(crate) fn set_coding(&mut self, coding: Coding) {
        self.frame = Frame::first(coding);
    }

    pub(crate) fn coding(&self) -> Coding {
        self.frame.coding()
    }

    /// Returns the configuration of the stream.
    pub(crate) fn config(&self) -> &StreamConfig {
        self.guard.as_ref().map_or(self.config, StreamGuard::config)
    }

    fn with_frame(frame: Frame) -> Self {
        Self {
            state: StreamState::new(None),
            frame,
            last_frame_len: 0,
            idle_timer: IdleTimer::default(),
            turn: Turn::default(),
            config: &EMPTY_CONFIG,
            guard: None,
        }
    }
}

impl<S: EventStream> EventBody<S> {
    /// Encodes all events that are ready into the frame.
    fn fill(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        if this.state.has_ended() {
            return;
        }
        let mut guard = this.guard.as_pin_mut();
        // Checked before the stream is polled, so that a closing stream can still end by itself.
        let is_closed = guard
            .as_mut()
            .is_some_and(|guard| guard.as_mut().poll_closed(cx).is_some());
        let config = guard.as_deref().map_or(*this.config, StreamGuard::config);
        let close_event = guard.as_deref().and_then(StreamGuard::close_event);
        this.state.as_mut().fill(
            this.frame,
            *this.last_frame_len,
            config,
            close_event.filter(|_| is_closed),
            this.turn,
            cx,
        );
        if this.state.has_ended() {
            return;
        }
        if this.frame.is_empty() {
            match this.idle_timer.poll(config, cx) {
                Poll::Ready(IdleAction::KeepAlive) => {
                    if let Some(keep_alive) = &config.keep_alive {
                        this.frame.share_text(&keep_alive.block);
                    }
                }
                Poll::Ready(IdleAction::End) => this.state.as_mut().end(),
                Poll::Pending => {}
            }
        }
        if !this.frame.is_empty() && this.idle_timer.frame_sent(config) {
            this.state.end();
        }
    }
}

impl<S: EventStream> Body for EventBody<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        ready!(self.as_mut().project().turn.poll(cx));
        self.as_mut().fill(cx);
        let this = self.project();
        if !this.frame.is_empty() {
            // The buffer is given away, so an idle stream holds no memory. The next allocation is often memory that
            // another stream has just freed. That is in the processor's cache; the buffers of 1000 streams are not.
            *this.last_frame_len = this.frame.len();
            let part = this.frame.take();
            this.turn.spend_bytes(part.len());
            Poll::Ready(Some(Ok(http_body::Frame::data(part))))
        } else if !this.state.has_ended() {
            // If the stream was ready for the whole turn but gave no bytes, this wakes the task.
            ready!(this.turn.poll(cx));
            this.turn.end();
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state.has_ended() && self.frame.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // The body for `HEAD` is empty, but its size hint must not say so: the body for `GET` has another size.
        if self.state.has_ended() && !self.frame.is_empty() {
            SizeHint::with_exact(self.frame.len() as u64)
        } else {
            SizeHint::default()
        }
    }
}

impl<S> fmt::Debug for EventBody<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBody")
            .field("ended", &self.state.has_ended())
            .finish_non_exhaustive()
    }
}
