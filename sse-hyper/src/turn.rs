use core::task::{Context, Poll};

/// After this many events, other tasks get their turn.
const EVENTS: u32 = 2048;
/// And after this many bytes.
const BYTES: usize = 256 * 1024;

/// Work that a body has done since other tasks of its thread had their turn.
#[derive(Default)]
pub(crate) struct Turn {
    events: u32,
    bytes: usize,
}

impl Turn {
    pub(crate) fn is_over(&self) -> bool {
        self.events >= EVENTS || self.bytes >= BYTES
    }

    /// Pending once, with a wake-up, when the turn is over.
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

    /// Others have their turn.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}
