use core::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use sse_proto::{Comment, Event};

use crate::keep_alive::{KeepAlive, Pulse};

/// A frame is closed when it holds this many bytes, even if more events are ready: so that a stream
/// that is always ready neither grows the buffer without bound nor starves its neighbours.
const FULL_FRAME: usize = 16 * 1024;

pin_project! {
    /// A stream of events as the body of a response.
    ///
    /// It holds the bytes of one frame, at most 16 KiB and one event, and asks the stream for more
    /// only when the connection has taken them. Dropping it drops the stream; so does the stream's
    /// end.
    pub struct EventBody<S> {
        #[pin]
        events: Option<S>,
        frame: BytesMut,
        pulse: Option<Pulse>,
    }
}

impl<S: Stream<Item = Event>> EventBody<S> {
    /// A body that starts with an empty comment and then follows the stream.
    pub fn new(events: S) -> Self {
        let mut frame = BytesMut::new();
        Comment::default().encode(&mut frame);
        Self {
            events: Some(events),
            frame,
            pulse: None,
        }
    }

    /// Sends a comment whenever the stream has been quiet for a while.
    #[must_use]
    pub fn with_keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        self.pulse = Some(keep_alive.start());
        self
    }
}

impl<S> EventBody<S> {
    /// A body of this text and no events.
    pub(crate) fn text(text: &str) -> Self {
        Self {
            events: None,
            frame: text.into(),
            pulse: None,
        }
    }
}

impl<S: Stream<Item = Event>> Body for EventBody<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut this = self.project();
        while this.frame.len() < FULL_FRAME
            && let Some(events) = this.events.as_mut().as_pin_mut()
        {
            match events.poll_next(cx) {
                Poll::Ready(Some(event)) => event.encode(this.frame),
                Poll::Ready(None) => this.events.set(None),
                Poll::Pending => break,
            }
        }
        if let Some(pulse) = this.pulse {
            if !this.frame.is_empty() {
                pulse.rest();
            } else if this.events.is_some() && pulse.poll(cx).is_ready() {
                pulse.comment().encode(this.frame);
            }
        }
        if !this.frame.is_empty() {
            Poll::Ready(Some(Ok(Frame::data(this.frame.split().freeze()))))
        } else if this.events.is_some() {
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    }

    fn is_end_stream(&self) -> bool {
        self.events.is_none() && self.frame.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.events {
            None => SizeHint::with_exact(self.frame.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}

impl<S> fmt::Debug for EventBody<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBody")
            .field("ended", &self.events.is_none())
            .field("keep_alive", &self.pulse.is_some())
            .finish_non_exhaustive()
    }
}
