use core::task::{Context, Poll};

/// After this many bytes, other tasks get their turn.
const WORK: usize = 64 * 1024;
/// Cost of an item or a chunk in addition to its bytes.
const EACH: usize = 64;

/// How much a task may still do before others have their turn. One number, for it is looked at for each item.
#[derive(Debug)]
pub(crate) struct Turn {
    left: usize,
}

impl Default for Turn {
    fn default() -> Self {
        Self { left: WORK }
    }
}

impl Turn {
    /// Pending once, with a wake-up, when the turn is over.
    #[inline(always)]
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.left > 0 {
            return Poll::Ready(());
        }
        self.end();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// How many bytes may be taken in it: at least one, if it is not over.
    #[inline(always)]
    pub(crate) fn bytes_left(&self) -> usize {
        self.left
    }

    /// One item or chunk more, for which so many bytes were taken.
    #[inline(always)]
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes + EACH);
    }

    /// Others have their turn.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}
