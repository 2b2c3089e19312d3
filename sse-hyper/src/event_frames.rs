use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use pin_project_lite::pin_project;
use sse_proto::Comment;

use crate::{
    EventStream,
    coding::Coding,
    frame::Frame,
    idle_timer::{IdleAction, IdleTimes},
    stream_state::StreamState,
    tracker::{CountGuard, Shared},
    turn::Turn,
};

pin_project! {
    /// Frames of an event stream, for a server that has its own sockets and timers.
    ///
    /// It sends the same as an [`EventBody`](crate::EventBody) after the first comment: events, keep-alive, reconnection
    /// time, close event, and the end at the maximum age. It takes less memory, because it has no timer: the caller
    /// polls it at its [`deadline`](Self::deadline). The caller also polls it when its
    /// [tracker closes](crate::StreamTracker::closed).
    ///
    /// [`StreamTracker::frames`](crate::StreamTracker::frames) creates it.
    #[must_use = "frames do nothing unless polled"]
    pub struct EventFrames<S> {
        #[pin]
        state: StreamState<S>,
        times: IdleTimes,
        coding: Coding,
        count: CountGuard,
    }
}

impl<S> EventFrames<S> {
    pub(crate) fn new(events: S, coding: Coding, shared: Arc<Shared>, now: Instant) -> Self {
        let count = CountGuard::new(shared);
        let mut times = IdleTimes::default();
        // A maximum age of 0 ends the stream after its first frame.
        let _ = times.frame_sent(count.config(), now);
        Self {
            state: StreamState::new(Some(events)),
            times,
            coding,
            count,
        }
    }

    /// Returns the stream of the events. `None` if it has ended.
    pub fn events_mut(self: Pin<&mut Self>) -> Option<Pin<&mut S>> {
        self.project().state.events_mut()
    }

    /// Returns the time of the next keep-alive or of the maximum age, whichever comes first.
    ///
    /// It is later after each frame.
    pub fn deadline(&self) -> Option<Instant> {
        self.times.deadline(self.count.config())
    }

    /// Returns an empty comment in the coding of the stream, for example to find out whether the client is gone.
    pub fn comment(&self) -> Bytes {
        let mut frame = Frame::new(self.coding);
        Comment::default().encode(frame.own());
        frame.into_bytes()
    }
}

impl<S: EventStream> EventFrames<S> {
    /// Returns all events that are ready, up to 16 KiB, or the keep-alive if it is due. `None` if the stream has ended.
    ///
    /// A larger event is a frame of its own. Frames of encoded events share their memory: two streams of the same
    /// events return the same bytes.
    pub fn poll_frame(
        self: Pin<&mut Self>,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Bytes>> {
        let mut this = self.project();
        if this.state.has_ended() {
            return Poll::Ready(None);
        }
        let config = this.count.config();
        let close_event = this.count.close_event();
        let mut frame = Frame::new(*this.coding);
        let mut turn = Turn::default();
        this.state
            .as_mut()
            .fill(&mut frame, 0, config, close_event, &mut turn, cx);
        if this.state.has_ended() {
            return Poll::Ready(Some(frame.into_bytes()).filter(|frame| !frame.is_empty()));
        }
        if frame.is_empty() {
            match this.times.due(config, now) {
                Some(IdleAction::KeepAlive) => {
                    if let Some(keep_alive) = &config.keep_alive {
                        frame.share_text(&keep_alive.block);
                    }
                }
                Some(IdleAction::End) => {
                    this.state.end();
                    return Poll::Ready(None);
                }
                None => {
                    // If the stream was ready for the whole turn but gave no bytes, this wakes the task.
                    ready!(turn.poll(cx));
                    return Poll::Pending;
                }
            }
        }
        if this.times.frame_sent(config, now) {
            this.state.end();
        }
        Poll::Ready(Some(frame.into_bytes()))
    }
}

impl<S> fmt::Debug for EventFrames<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFrames")
            .field("ended", &self.state.has_ended())
            .finish_non_exhaustive()
    }
}
