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
use sse_proto::Comment;

use crate::{
    IntoFrame, StreamConfig,
    config::{EMPTY_CONFIG, random_duration},
    frame::{Frame, Written, sealed::WriteFrame as _},
    idle_timer::{IdleAction, IdleTimer},
    tracker::StreamGuard,
};

/// Maximum number of events in one turn. After that, the body yields to other tasks.
const MAX_EVENTS_PER_TURN: u32 = 2048;

/// Maximum number of bytes in one turn.
const MAX_BYTES_PER_TURN: usize = 256 * 1024;

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
        events: Option<S>,
        frame: Frame,
        // Length of the last frame in bytes, because the next frame is often as long.
        last_frame_len: usize,
        // No event was sent yet.
        is_new: bool,
        // All streams are closing, and this stream was already polled once after `close`.
        is_closing: bool,
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
        let mut frame = BytesMut::new();
        Comment::default().encode(&mut frame);
        Self {
            events: Some(events),
            config,
            guard,
            ..Self::with_frame(frame.into())
        }
    }
}

impl<S> EventBody<S> {
    /// Creates a body that sends this text and no events.
    pub(crate) fn text(text: &str) -> Self {
        Self::with_frame(BytesMut::from(text).into())
    }

    fn with_frame(frame: Frame) -> Self {
        Self {
            events: None,
            frame,
            last_frame_len: 0,
            is_new: true,
            is_closing: false,
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
        if this.events.is_none() {
            return;
        }
        let mut guard = this.guard.as_pin_mut();
        // Checked before the stream is polled, so that a closing stream can still end by itself.
        let is_closed = guard
            .as_mut()
            .is_some_and(|guard| guard.as_mut().poll_closed(cx).is_some());
        let config = guard.as_deref().map_or(*this.config, StreamGuard::config);
        let mut has_more = true;
        while this.frame.takes_more()
            && !this.turn.is_over()
            && let Some(events) = this.events.as_mut().as_pin_mut()
        {
            match events.poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    this.turn.spend_event();
                    let retry = config.reconnection_time.as_ref();
                    let retry = retry.filter(|_| *this.is_new).map(random_duration);
                    match item.write(this.frame, retry, *this.last_frame_len) {
                        Written::Blocks => *this.is_new = false,
                        Written::Nothing => {}
                        Written::End => this.events.set(None),
                    }
                }
                Poll::Ready(None) => this.events.set(None),
                Poll::Pending => {
                    has_more = false;
                    break;
                }
            }
        }
        if this.events.is_none() {
            return;
        }
        // If the frame was full, the stream gets one more frame, in which it may end by itself. A stream that never
        // ends gets only that one.
        let is_last = !has_more || core::mem::replace(this.is_closing, is_closed);
        if is_closed && is_last {
            let close_event = guard.as_deref().and_then(StreamGuard::close_event);
            if let Some(close_event) = close_event {
                close_event.encode(fastrand::u64(..), this.frame.own());
            }
            this.events.set(None);
            return;
        }
        if this.frame.is_empty() {
            match this.idle_timer.poll(config, cx) {
                Poll::Ready(IdleAction::KeepAlive) => {
                    if let Some(keep_alive) = &config.keep_alive {
                        this.frame.own().extend_from_slice(&keep_alive.block);
                    }
                }
                Poll::Ready(IdleAction::End) => this.events.set(None),
                Poll::Pending => {}
            }
        }
        if !this.frame.is_empty() && this.idle_timer.frame_sent(config) {
            this.events.set(None);
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
        } else if this.events.is_some() {
            // If the stream was ready for the whole turn but gave no bytes, this wakes the task.
            ready!(this.turn.poll(cx));
            this.turn.end();
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    }

    fn is_end_stream(&self) -> bool {
        self.events.is_none() && self.frame.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // The body for `HEAD` is empty, but its size hint must not say so: the body for `GET` has another size.
        if self.events.is_none() && !self.frame.is_empty() {
            SizeHint::with_exact(self.frame.len() as u64)
        } else {
            SizeHint::default()
        }
    }
}

impl<S> fmt::Debug for EventBody<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBody")
            .field("ended", &self.events.is_none())
            .finish_non_exhaustive()
    }
}

/// Work that a body has done since it last yielded to the other tasks of its thread.
#[derive(Default)]
struct Turn {
    events: u32,
    bytes: usize,
}

impl Turn {
    fn is_over(&self) -> bool {
        self.events >= MAX_EVENTS_PER_TURN || self.bytes >= MAX_BYTES_PER_TURN
    }

    /// Returns `Pending` once and wakes the task, if the turn is over.
    #[inline]
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_over() {
            return Poll::Ready(());
        }
        self.end();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn spend_event(&mut self) {
        self.events += 1;
    }

    fn spend_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Starts a new turn, because the body yields.
    fn end(&mut self) {
        *self = Self::default();
    }
}
