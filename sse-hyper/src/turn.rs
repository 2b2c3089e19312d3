use core::task::{Context, Poll};

/// Maximum number of events in one turn.
const MAX_EVENTS_PER_TURN: u32 = 2048;

/// Maximum number of bytes in one turn.
const MAX_BYTES_PER_TURN: usize = 256 * 1024;

/// Work that a stream has done since it last yielded to the other tasks of its thread.
#[derive(Default)]
pub(crate) struct Turn {
    events: u32,
    bytes: usize,
}

impl Turn {
    pub(crate) fn is_over(&self) -> bool {
        self.events >= MAX_EVENTS_PER_TURN || self.bytes >= MAX_BYTES_PER_TURN
    }

    /// Returns `Pending` once and wakes the task, if the turn is over.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_over() {
            return Poll::Ready(());
        }
        self.end();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    pub(crate) fn spend_event(&mut self) {
        self.events += 1;
    }

    pub(crate) fn spend_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Starts a new turn, because the stream yields.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}
