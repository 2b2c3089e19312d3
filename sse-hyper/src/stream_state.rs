use core::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use sse_proto::CloseEvent;

use crate::{
    EventStream, StreamConfig,
    config::random_duration,
    frame::{Frame, Written, sealed::WriteFrame as _},
    turn::Turn,
};

pin_project! {
    /// State of a stream of events: what it sends next, without a timer and without I/O.
    pub(crate) struct StreamState<S> {
        #[pin]
        events: Option<S>,
        // No event was sent yet.
        is_new: bool,
        // All streams are closing, and this stream was already polled once after `close`.
        is_closing: bool,
    }
}

impl<S> StreamState<S> {
    /// Creates the state of a stream. `None` has ended.
    pub(crate) fn new(events: Option<S>) -> Self {
        Self {
            events,
            is_new: true,
            is_closing: false,
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.events.is_none()
    }

    /// Returns the events. `None` if the stream has ended.
    pub(crate) fn events_mut(self: Pin<&mut Self>) -> Option<Pin<&mut S>> {
        self.project().events.as_pin_mut()
    }

    /// Ends the stream, and drops it.
    pub(crate) fn end(self: Pin<&mut Self>) {
        self.project().events.set(None);
    }
}

impl<S: EventStream> StreamState<S> {
    /// Encodes all events that are ready into the frame, until it is full or the turn is over. Then, if there is a
    /// close event, sends it and ends the stream.
    ///
    /// `expected_len` is the length that the frame will probably have, in bytes.
    pub(crate) fn fill(
        self: Pin<&mut Self>,
        frame: &mut Frame,
        expected_len: usize,
        config: &StreamConfig,
        close_event: Option<&CloseEvent>,
        turn: &mut Turn,
        cx: &mut Context<'_>,
    ) {
        let mut this = self.project();
        let mut has_more = true;
        while frame.takes_more()
            && !turn.is_over()
            && let Some(events) = this.events.as_mut().as_pin_mut()
        {
            match events.poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    turn.spend_event();
                    let retry = config.reconnection_time.as_ref();
                    let retry = retry.filter(|_| *this.is_new).map(random_duration);
                    match item.write(frame, retry, expected_len) {
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
        let is_last = !has_more || mem::replace(this.is_closing, close_event.is_some());
        if let Some(close_event) = close_event
            && is_last
        {
            close_event.encode(fastrand::u64(..), frame.own());
            this.events.set(None);
        }
    }
}
