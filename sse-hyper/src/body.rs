use core::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::sync::{Arc, LazyLock};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use sse_proto::Comment;

use crate::{
    IntoFrame, StreamConfig,
    clock::{Clock, Due},
    config::draw,
    member::{Member, Shared},
    outgoing::{Ready, sealed::Put as _},
    turn::Turn,
};

/// Stream whose items can be sent as events.
///
/// An item is an [`Event`](crate::Event), a type that borrows as one, or [`Encoded`](crate::Encoded). An example is
/// an `Arc<Event>` that is sent to many clients. Every stream of such items implements this trait.
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
    pub struct EventBody<S> {
        #[pin]
        events: Option<S>,
        frame: Ready,
        // Length of the last frame in bytes, because the next frame is often as long.
        last: usize,
        // No event was sent yet.
        is_new: bool,
        // All streams are closing, and this stream was already polled once after `close`.
        is_closing: bool,
        clock: Clock,
        turn: Turn,
        #[pin]
        member: Option<Member>,
    }
}

impl<S: EventStream> EventBody<S> {
    /// Creates a body that sends an empty comment first and then the events of the stream.
    ///
    /// It has no keep-alive and no handle. [`StreamTracker::body`](crate::StreamTracker::body) creates a body that has both.
    pub fn new(events: S) -> Self {
        static ALONE: LazyLock<Arc<Shared>> =
            LazyLock::new(|| Arc::new(Shared::new(StreamConfig::none())));
        Self::member(events, Member::new(&ALONE))
    }

    pub(crate) fn member(events: S, member: Member) -> Self {
        let mut frame = BytesMut::new();
        Comment::default().encode(&mut frame);
        Self {
            events: Some(events),
            member: Some(member),
            ..Self::of(frame.into())
        }
    }
}

impl<S> EventBody<S> {
    /// Creates a body that sends this text and no events.
    pub(crate) fn text(text: &str) -> Self {
        Self::of(BytesMut::from(text).into())
    }

    fn of(frame: Ready) -> Self {
        Self {
            events: None,
            frame,
            last: 0,
            is_new: true,
            is_closing: false,
            clock: Clock::default(),
            turn: Turn::default(),
            member: None,
        }
    }
}

impl<S: EventStream> EventBody<S> {
    /// Encodes all events that are ready into the frame.
    fn fill(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        let Some(mut member) = this.member.as_pin_mut() else {
            return;
        };
        // Checked before the stream is polled, so that a closing stream can still end by itself.
        let is_closed = this.events.is_some() && member.as_mut().poll_closed(cx).is_some();
        let config = member.config();
        let mut has_more = true;
        while this.frame.takes_more()
            && !this.turn.is_over()
            && let Some(events) = this.events.as_mut().as_pin_mut()
        {
            match events.poll_next(cx) {
                Poll::Ready(Some(event)) => {
                    this.turn.spend_event();
                    let retry = config.retry.as_ref().filter(|_| *this.is_new).map(draw);
                    *this.is_new &= !event.put(this.frame, retry, *this.last);
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
            if let Some(close_event) = member.close_event() {
                close_event.encode(this.frame.own());
            }
            this.events.set(None);
            return;
        }
        if this.frame.is_empty() {
            match this.clock.poll(config, cx) {
                Poll::Ready(Due::KeepAlive) => {
                    if let Some(keep_alive) = &config.keep_alive {
                        this.frame.own().extend_from_slice(&keep_alive.block);
                    }
                }
                Poll::Ready(Due::End) => this.events.set(None),
                Poll::Pending => {}
            }
        }
        if !this.frame.is_empty() && this.clock.sends(config) {
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
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.as_mut().project().turn.poll(cx));
        self.as_mut().fill(cx);
        let this = self.project();
        if !this.frame.is_empty() {
            // The buffer is given away, so an idle stream holds no memory. The next allocation is often memory that
            // another stream has just freed. That is in the processor's cache; the buffers of 1000 streams are not.
            *this.last = this.frame.len();
            let part = this.frame.take();
            this.turn.spend_bytes(part.len());
            Poll::Ready(Some(Ok(Frame::data(part))))
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
