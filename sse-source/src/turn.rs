use core::{
    future::Future,
    pin::pin,
    task::{Context, Poll},
};

use tokio::task::{coop, yield_now};

/// Number of units of work after which a poll yields, even if tokio sets no budget or a larger one. Units are few and
/// large, because charging one takes longer than decoding a tiny event.
const MAX_UNITS: u32 = 16;

/// Counter of the work of polls, so that no poll blocks the other tasks of its thread.
///
/// Work is counted in bytes, or in frames. Each unit of work takes one from the budget that tokio gives a task. The
/// poll must end without budget, and always after [`MAX_UNITS`]. The task is then woken.
#[derive(Debug)]
pub(crate) struct Turn {
    unit: usize,
    /// Work that is not charged yet.
    bytes: usize,
    /// Number of units since a poll ended.
    units: u32,
}

impl Turn {
    /// Creates a turn with units of this number of bytes.
    pub(crate) fn with_unit(bytes: usize) -> Self {
        Self {
            unit: bytes,
            bytes: 0,
            units: 0,
        }
    }

    /// Counts work that was done.
    #[inline]
    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Returns `Pending` after enough work for one turn. The task is then woken.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.bytes < self.unit {
            true => Poll::Ready(()),
            false => self.charge(cx),
        }
    }

    #[cold]
    fn charge(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.bytes >= self.unit {
            if self.units == MAX_UNITS {
                self.end();
                // The runtime checks timers and sockets before it polls the task again.
                return pin!(yield_now()).poll(cx);
            }
            match coop::poll_proceed(cx) {
                Poll::Ready(budget) => budget.made_progress(),
                Poll::Pending => {
                    self.end();
                    return Poll::Pending;
                }
            }
            self.bytes -= self.unit;
            self.units += 1;
        }
        Poll::Ready(())
    }

    /// Ends the turn. It is called when a poll ends, even if there is budget left.
    pub(crate) fn end(&mut self) {
        self.units = 0;
    }
}
