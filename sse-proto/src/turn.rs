use core::task::{Context, Poll};

/// Number of bytes after which other tasks can run.
const TURN_BYTES: usize = 64 * 1024;
/// Cost of an item or a chunk in addition to its bytes.
const ITEM_COST_BYTES: usize = 64;

/// Work that a task may still do before other tasks can run. It is a single number, because it is checked for each
/// item.
#[derive(Debug)]
pub(crate) struct Turn {
    left: usize,
}

impl Default for Turn {
    fn default() -> Self {
        Self { left: TURN_BYTES }
    }
}

impl Turn {
    /// Returns `Pending` once, and wakes the task, when the turn is over.
    #[inline(always)]
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.left > 0 {
            return Poll::Ready(());
        }
        self.end();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Returns the number of bytes that may be taken in this turn: at least one, if it is not over.
    #[inline(always)]
    pub(crate) fn bytes_left(&self) -> usize {
        self.left
    }

    /// Counts one item or chunk, and the number of bytes that were taken for it.
    #[inline(always)]
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes + ITEM_COST_BYTES);
    }

    /// Ends the turn, so that other tasks can run.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}
