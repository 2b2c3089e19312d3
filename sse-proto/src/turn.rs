use core::task::{Context, Poll};

/// After this many items and chunks, other tasks get their turn.
const ITEMS: u32 = 1024;
/// And after this many bytes.
const BYTES: usize = 64 * 1024;

/// What a task has done since others had their turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    items: u32,
    bytes: usize,
}

impl Turn {
    /// Pending once, with a wake-up, when the turn is over.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.items < ITEMS && self.bytes < BYTES {
            return Poll::Ready(());
        }
        self.end();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// How many bytes may be taken in it, at least one.
    pub(crate) fn bytes_left(&self) -> usize {
        BYTES.saturating_sub(self.bytes).max(1)
    }

    /// One item or chunk more, for which so many bytes were taken.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.items += 1;
        self.bytes += bytes;
    }

    /// Others have their turn.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}
