//! How much a task does before its neighbours have their turn.

use core::task::Context;

/// The work of one turn. A unit is to match a short topic against a short selector, 10 to 100 ns.
pub(crate) const TURN: usize = 4096;

/// Work that a task may still do in its turn. Without it, a caller that polls as long as something is ready
/// would keep its thread from other tasks.
#[derive(Debug)]
pub(crate) struct Turn {
    left: usize,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Self { left: TURN }
    }

    pub(crate) fn spend(&mut self, work: usize) {
        self.left = self.left.saturating_sub(work);
    }

    /// Returns whether the task has done all work of its turn.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Begins the next turn if this one is over. The caller returns `Pending` then: it is woken.
    pub(crate) fn ends(&mut self, cx: &Context<'_>) -> bool {
        let is_over = self.is_over();
        if is_over {
            *self = Self::new();
            cx.waker().wake_by_ref();
        }
        is_over
    }
}
