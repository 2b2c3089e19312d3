use core::{
    cell::RefCell,
    fmt,
    task::{Context, Waker},
};
use std::{collections::VecDeque, rc::Rc};

/// What can be asked of a [`FetchSource`](crate::FetchSource) while something else polls it. Clones
/// are of the same source; dropping them changes nothing.
#[derive(Clone)]
pub struct Handle(pub(super) Rc<Commands>);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Command {
    Close,
    Reconnect,
    /// Nobody sees the page.
    Hide,
    /// Somebody does again.
    Show,
    /// The network is back, or the page is.
    Wake,
    /// The timer has come, which may be too early.
    LookAtTheClock,
}

/// From whoever has a handle, to the source.
#[derive(Default)]
pub(super) struct Commands {
    waiting: RefCell<VecDeque<Command>>,
    waker: RefCell<Option<Waker>>,
}

impl Handle {
    /// Ends it for good: the request is cancelled and the stream ends.
    pub fn close(&self) {
        self.0.push(Command::Close);
    }

    /// Connects again at once, also if it is waiting to. While it [pauses](crate::Builder::with_pause_when_hidden), it
    /// connects when the page is shown.
    pub fn reconnect(&self) {
        self.0.push(Command::Reconnect);
    }
}

impl Commands {
    pub(super) fn push(&self, command: Command) {
        self.waiting.borrow_mut().push_back(command);
        self.wake();
    }

    /// Adds a command unless it waits already.
    pub(super) fn push_once(&self, command: Command) {
        if !self.waiting.borrow().contains(&command) {
            self.push(command);
        }
    }

    /// The next one; if there is none, the caller will be woken when there is.
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

    /// Has the source polled.
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
