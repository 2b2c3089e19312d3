use core::{
    cell::RefCell,
    fmt,
    task::{Context, Waker},
};
use std::{collections::VecDeque, rc::Rc};

/// A handle that controls a [`FetchSource`](crate::FetchSource) while other code polls it.
///
/// Clones control the same source. Dropping a handle has no effect.
#[derive(Clone)]
pub struct Handle(pub(super) Rc<Commands>);

/// A command for the source, from a handle, from the page or from a timer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Command {
    Close,
    Reconnect,
    /// The page is hidden.
    Hide,
    /// The page is visible again.
    Show,
    /// The network, the page or the machine is back.
    Wake,
    /// The timer has fired, possibly too early.
    LookAtTheClock,
}

/// Queue of commands for the source.
#[derive(Default)]
pub(super) struct Commands {
    waiting: RefCell<VecDeque<Command>>,
    waker: RefCell<Option<Waker>>,
}

impl Handle {
    /// Closes the source for good: cancels the request and ends the stream.
    pub fn close(&self) {
        self.0.push(Command::Close);
    }

    /// Reconnects at once, even if the source is waiting for its next attempt.
    ///
    /// While the source is [paused](crate::Builder::pause_when_hidden), it connects when the page is shown.
    pub fn reconnect(&self) {
        self.0.push(Command::Reconnect);
    }
}

impl Commands {
    pub(super) fn push(&self, command: Command) {
        self.waiting.borrow_mut().push_back(command);
        self.wake();
    }

    /// Adds a command, unless the queue already has it.
    pub(super) fn push_once(&self, command: Command) {
        if !self.waiting.borrow().contains(&command) {
            self.push(command);
        }
    }

    /// Returns the next command, or registers the caller to be woken by the next one.
    pub(super) fn next(&self, cx: &Context<'_>) -> Option<Command> {
        let command = self.waiting.borrow_mut().pop_front();
        if command.is_none() {
            let mut waker = self.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|it| it.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        command
    }

    /// Wakes the task that polls the source.
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
