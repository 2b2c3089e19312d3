use core::{
    future::Future,
    pin::pin,
    task::{Context, Poll},
};

use tokio::task::{coop, yield_now};

/// Number of units of work after which a poll yields, also where tokio sets no budget or a larger one. Few large units,
/// because charging one takes longer than to decode a tiny event.
const MAX_UNITS: u32 = 16;

/// Counts the work of polls, so that none of them keeps its thread from other tasks.
///
/// Work is counted in bytes. Each unit of it takes one from the budget that tokio gives a task. Without budget, and
/// after [`MAX_UNITS`] in any case, the poll has to end; then the task is woken.
#[derive(Debug)]
pub(crate) struct Turn {
    unit: usize,
    /// Work that has not been charged.
    bytes: usize,
    /// Units since a poll ended.
    units: u32,
}

impl Turn {
    /// A turn with units of this many bytes.
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

    /// Pending if there was enough work for one turn; the task is woken.
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
                // The runtime then looks at timers and sockets before it wakes the task.
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

    /// The poll ends, also if there would be budget.
    pub(crate) fn end(&mut self) {
        self.units = 0;
    }
}
