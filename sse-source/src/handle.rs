use core::{
    sync::atomic::{AtomicU8, Ordering},
    task::{Context, Poll},
};
use std::sync::Arc;

use atomic_waker::AtomicWaker;

/// Handle that closes an event source, or makes it reconnect, while another task polls it.
///
/// All clones control the same source. Dropping them does not affect it.
#[derive(Clone, Debug, Default)]
pub struct Handle {
    commands: Arc<Commands>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    Close,
    Reconnect,
}

impl Handle {
    /// Closes the source for good: the connection is dropped, and the stream ends without an error.
    pub fn close(&self) {
        self.commands.send(CLOSE);
    }

    /// Makes the source reconnect at once, even if it is waiting for the next attempt.
    ///
    /// Several calls before the next poll of the source have the effect of one.
    pub fn reconnect(&self) {
        self.commands.send(RECONNECT);
    }

    /// Takes the pending command, if there is one.
    #[inline]
    pub(crate) fn take(&self) -> Option<Command> {
        match self.commands.pending.load(Ordering::Relaxed) {
            0 => None,
            _ => self.commands.take(),
        }
    }

    /// Takes the pending command, or wakes the task when there is one.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Command> {
        self.commands.waker.register(cx.waker());
        self.commands.take().map_or(Poll::Pending, Poll::Ready)
    }
}

const RECONNECT: u8 = 0b01;
const CLOSE: u8 = 0b10;

/// Pending commands. Their memory does not grow with the number of calls.
#[derive(Debug, Default)]
struct Commands {
    pending: AtomicU8,
    waker: AtomicWaker,
}

impl Commands {
    fn send(&self, command: u8) {
        self.pending.fetch_or(command, Ordering::Release);
        self.waker.wake();
    }

    fn take(&self) -> Option<Command> {
        match self.pending.swap(0, Ordering::Acquire) {
            0 => None,
            RECONNECT => Some(Command::Reconnect),
            _ => Some(Command::Close),
        }
    }
}
