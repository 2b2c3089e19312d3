//! Commands to a source: from its handles, from its timer, and from events of the page.

use core::{
    cell::RefCell,
    fmt,
    task::{Context, Waker},
};
use std::{collections::VecDeque, rc::Rc};

use super::request::RequestOptions;
use crate::{browser::Listener, wake::WakeWatcher};

/// A handle that closes or reconnects a [`FetchSource`](crate::FetchSource) while other code polls it.
///
/// It is returned by [`FetchSource::handle`](crate::FetchSource::handle). Clones control the same source. Dropping a
/// handle has no effect.
#[derive(Clone)]
pub struct Handle(pub(super) Rc<Commands>);

/// A command for the source, from a handle, from the page or from a timer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Command {
    Close,
    Reconnect,
    /// The page is hidden.
    PageHidden,
    /// The page is visible again.
    PageShown,
    /// The network, the page or the machine is back.
    Wake,
    /// The timer has fired, possibly too early.
    TimerFired,
}

/// Queue of commands for the source.
#[derive(Default)]
pub(super) struct Commands {
    pending: RefCell<VecDeque<Command>>,
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
        self.pending.borrow_mut().push_back(command);
        self.wake();
    }

    /// Adds a command, unless the queue already has it.
    pub(super) fn push_once(&self, command: Command) {
        if !self.pending.borrow().contains(&command) {
            self.push(command);
        }
    }

    /// Returns the next command, or registers the caller to be woken by the next one.
    pub(super) fn next(&self, cx: &Context<'_>) -> Option<Command> {
        let command = self.pending.borrow_mut().pop_front();
        if command.is_none() {
            let mut waker = self.waker.borrow_mut();
            if !waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
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

/// Listeners that turn events of the page into commands: visibility, wake-up, and the `AbortSignal` of the caller.
pub(super) struct PageListeners {
    _signal: Option<Listener>,
    _visibility: Option<Listener>,
    _wake: Option<Rc<WakeWatcher>>,
}

impl PageListeners {
    pub(super) fn new(
        options: &RequestOptions,
        reconnect_on_wake: bool,
        commands: &Rc<Commands>,
    ) -> Self {
        let signal = options.abort_signal.as_ref().map(|signal| {
            if signal.aborted() {
                commands.push(Command::Close);
            }
            let commands = Rc::clone(commands);
            Listener::new(signal, "abort", move |_| commands.push(Command::Close))
        });
        let document = web_sys::window().and_then(|window| window.document());
        let document = document.filter(|_| options.pause_when_hidden);
        let visibility = document.map(|document| {
            let commands = Rc::clone(commands);
            let observed = document.clone();
            let push_visibility = move || {
                commands.push(match observed.hidden() {
                    true => Command::PageHidden,
                    false => Command::PageShown,
                });
            };
            if document.hidden() {
                push_visibility();
            }
            Listener::new(&document, "visibilitychange", move |_| push_visibility())
        });
        let wake = reconnect_on_wake.then(|| {
            let commands = Rc::clone(commands);
            WakeWatcher::watch(move || commands.push_once(Command::Wake))
        });
        Self {
            _signal: signal,
            _visibility: visibility,
            _wake: wake.flatten(),
        }
    }
}
