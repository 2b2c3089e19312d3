use core::{
    sync::atomic::{AtomicU8, Ordering},
    task::{Context, Poll},
};
use std::sync::Arc;

use atomic_waker::AtomicWaker;

/// What can be asked of an event source while something else polls it. Clones are of the same source;
/// dropping them changes nothing.
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
    /// Ends it for good: the connection is dropped and the stream ends, without an error.
    pub fn close(&self) {
        self.commands.send(CLOSE);
    }

    /// Connects again at once, also if it is waiting to. Calls before the source is polled next are one.
    pub fn reconnect(&self) {
        self.commands.send(RECONNECT);
    }

    /// Takes what was asked for.
    #[inline]
    pub(crate) fn take(&self) -> Option<Command> {
        match self.commands.pending.load(Ordering::Relaxed) {
            0 => None,
            _ => self.commands.take(),
        }
    }

    /// Takes what was asked for, or has the task woken when something is.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Command> {
        self.commands.waker.register(cx.waker());
        self.commands.take().map_or(Poll::Pending, Poll::Ready)
    }
}

const RECONNECT: u8 = 0b01;
const CLOSE: u8 = 0b10;

/// Commands that are pending. They take the same room however often they are sent.
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
