//! Body of a response with events.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{KeepAlive, NeverTimer, Sse, Timer};

pin_project! {
    /// Body that encodes a stream of events, and sends a keep-alive if the stream is quiet.
    ///
    /// It ends when the stream ends, and after an error. `event_stream` is the stream.
    #[allow(missing_docs, reason = "the macro takes no documentation of a pinned field")]
    #[derive(Debug)]
    pub struct SseBody<S, T = NeverTimer> {
        #[pin]
        pub event_stream: S,
        #[pin]
        pub(crate) timer: Option<T>,
        keep_alive: KeepAlive,
        pub(crate) has_ended: bool,
    }
}

impl<S, E> SseBody<S, NeverTimer>
where
    S: Stream<Item = Result<Sse, E>>,
{
    /// Creates a body without keep-alives.
    pub fn new(stream: S) -> Self {
        Self {
            event_stream: stream,
            timer: None,
            keep_alive: KeepAlive::new(),
            has_ended: false,
        }
    }
}

impl<S, E, T> SseBody<S, T>
where
    S: Stream<Item = Result<Sse, E>>,
    T: Timer,
{
    /// Creates a body with keep-alives.
    pub fn new_keep_alive(stream: S, keep_alive: KeepAlive) -> Self {
        Self {
            event_stream: stream,
            timer: Some(T::from_duration(keep_alive.interval)),
            keep_alive,
            has_ended: false,
        }
    }

    /// Adds keep-alives, with a timer of another type.
    pub fn with_keep_alive<T2: Timer>(self, keep_alive: KeepAlive) -> SseBody<S, T2> {
        SseBody {
            has_ended: self.has_ended,
            ..SseBody::new_keep_alive(self.event_stream, keep_alive)
        }
    }

    /// Polls for the next frame: an event, which is encoded by this function, or a keep-alive.
    pub(crate) fn poll_with<X>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encode: impl FnOnce(Result<Sse, E>) -> Result<Bytes, X>,
    ) -> Poll<Option<Result<Frame<Bytes>, X>>> {
        let mut this = self.project();
        if *this.has_ended {
            return Poll::Ready(None);
        }
        let frame = match this.event_stream.poll_next(cx) {
            Poll::Ready(Some(event)) => encode(event),
            Poll::Ready(None) => {
                *this.has_ended = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {
                let Some(timer) = this.timer.as_mut().as_pin_mut() else {
                    return Poll::Pending;
                };
                ready!(timer.poll(cx));
                Ok(this.keep_alive.wire.clone())
            }
        };
        *this.has_ended = frame.is_err();
        if let Some(timer) = this.timer.as_pin_mut() {
            timer.reset(Instant::now() + this.keep_alive.interval);
        }
        Poll::Ready(Some(frame.map(Frame::data)))
    }

    /// Returns the size of the rest, which is known only at the end.
    pub(crate) fn remaining(&self) -> SizeHint {
        match self.has_ended {
            true => SizeHint::with_exact(0),
            false => SizeHint::default(),
        }
    }
}
