//! Body of a response with events.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{BodyError, KeepAlive, NeverTimer, Sse, Timer};

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
        timer: Option<T>,
        keep_alive: KeepAlive,
        has_ended: bool,
    }
}

impl<S, T> SseBody<S, T> {
    /// Returns whether it sends keep-alives.
    pub fn has_keep_alive(&self) -> bool {
        self.timer.is_some()
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
}

impl<S, E, T> Body for SseBody<S, T>
where
    S: Stream<Item = Result<Sse, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
    T: Timer,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut this = self.project();
        if *this.has_ended {
            return Poll::Ready(None);
        }
        let frame = match this.event_stream.poll_next(cx) {
            Poll::Ready(Some(Ok(event))) => event.encode().map_err(BodyError::Encode),
            Poll::Ready(Some(Err(error))) => Err(BodyError::Stream(error.into())),
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

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        match self.has_ended {
            true => SizeHint::with_exact(0),
            false => SizeHint::default(),
        }
    }
}
