//! Limit of the work that a task does before other tasks of the same thread can run.

use core::task::Context;

/// Number of units of work in one turn. One unit is the time to match a short topic against a short filter:
/// 10 to 100 ns.
pub(crate) const WORK_PER_TURN: usize = 4096;

/// Budget of work that a task has left in its turn. Without it, a caller that polls as long as something is ready
/// would block the other tasks of its thread.
#[derive(Debug)]
pub(crate) struct Turn {
    /// 32 bits, because each subscription has a turn.
    left: u32,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Self {
            left: WORK_PER_TURN as u32,
        }
    }

    /// Subtracts this work from the budget.
    pub(crate) fn spend(&mut self, work: usize) {
        self.left = self
            .left
            .saturating_sub(u32::try_from(work).unwrap_or(u32::MAX));
    }

    /// Returns whether the task has done all work of its turn.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Begins the next turn if this one is over, and wakes the task. Returns whether it was over: the caller returns
    /// `Pending` then.
    pub(crate) fn yield_if_over(&mut self, cx: &Context<'_>) -> bool {
        let is_over = self.is_over();
        if is_over {
            *self = Self::new();
            cx.waker().wake_by_ref();
        }
        is_over
    }
}
