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
    Outgoing, Settings,
    clock::{Clock, Due},
    member::{Member, Shared},
    outgoing::{Ready, sealed::Put as _},
    settings::draw,
    turn::Turn,
};

/// Stream whose items can be sent: each is an [`Event`](crate::Event), lends one, such as an `Arc<Event>` that is
/// sent to many, or is [`Encoded`](crate::Encoded).
///
/// Every stream of such items implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of events",
    label = "not a `Stream` of `Event`s",
    note = "for an iterator or a list, write `futures_util::stream::iter(events)`",
    note = "for a receiver of tokio, write `tokio_stream::wrappers::ReceiverStream::new(receiver)`, or the wrapper of \
            its kind"
)]
pub trait EventStream: Stream<Item: Outgoing> {}

impl<S: Stream<Item: Outgoing>> EventStream for S {}

pin_project! {
    /// A stream of events as the body of a response.
    ///
    /// It holds at most 16 KiB and one event, and asks the stream for more only when the connection
    /// has taken them. A frame has at most 32 KiB: a larger event is handed to the connection in
    /// parts, so that the connection never copies all of it. Dropping it drops the stream; so does the
    /// stream's end.
    ///
    /// A stream that is always ready does not keep the thread from other tasks: after 2048 events or 256 KiB without
    /// a pause, the body is pending once and wakes its task.
    pub struct EventBody<S> {
        #[pin]
        events: Option<S>,
        frame: Ready,
        // How large the last frame was, for the next may well be as large.
        last: usize,
        // The first event was not sent yet.
        is_new: bool,
        // All streams end, and this one was asked once more what it has.
        is_closing: bool,
        clock: Clock,
        turn: Turn,
        #[pin]
        member: Option<Member>,
    }
}

impl<S: EventStream> EventBody<S> {
    /// A body that starts with an empty comment and then follows the events. It has no keep-alive
    /// and no handle: [`Streams::body`](crate::Streams::body) makes those that have.
    pub fn new(events: S) -> Self {
        static ALONE: LazyLock<Arc<Shared>> =
            LazyLock::new(|| Arc::new(Shared::new(Settings::none())));
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
    /// A body of this text and no events.
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
    /// Puts all that is ready into the frame.
    fn fill(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        let Some(mut member) = this.member.as_pin_mut() else {
            return;
        };
        // Before the stream is asked, so that it may end by itself when all are to end.
        let is_closed = this.events.is_some() && member.as_mut().poll_closed(cx).is_some();
        let settings = member.settings();
        let mut has_more = true;
        while this.frame.takes_more()
            && !this.turn.is_over()
            && let Some(events) = this.events.as_mut().as_pin_mut()
        {
            match events.poll_next(cx) {
                Poll::Ready(Some(event)) => {
                    this.turn.spend_event();
                    let retry = settings.retry.as_ref().filter(|_| *this.is_new).map(draw);
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
        // A stream whose frame was full may end by itself after it; one that never ends has one more.
        let is_last = !has_more || core::mem::replace(this.is_closing, is_closed);
        if is_closed && is_last {
            if let Some(farewell) = member.farewell() {
                farewell.encode(this.frame.own());
            }
            this.events.set(None);
            return;
        }
        if this.frame.is_empty() {
            match this.clock.poll(settings, cx) {
                Poll::Ready(Due::KeepAlive) => {
                    if let Some(keep_alive) = &settings.keep_alive {
                        this.frame.own().extend_from_slice(&keep_alive.block);
                    }
                }
                Poll::Ready(Due::End) => this.events.set(None),
                Poll::Pending => {}
            }
        }
        if !this.frame.is_empty() && this.clock.sends(settings) {
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
            // A quiet stream keeps no memory. And memory that was just freed by another is in the cache,
            // which that of a thousand streams is not.
            *this.last = this.frame.len();
            let part = this.frame.take();
            this.turn.spend_bytes(part.len());
            Poll::Ready(Some(Ok(Frame::data(part))))
        } else if this.events.is_some() {
            // If the events went on for the whole turn and came to nothing, the task is woken.
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
        // Of a body that is empty, for `HEAD`, nothing is known: not what it would be for `GET`.
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
