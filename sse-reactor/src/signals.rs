//! Signals: wakers that tell the event loop what to poll.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
};

use mio::{Registry, Token};

/// Reason of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// New events for the subscribers of this group.
    Group(usize),
    /// Other work of this subscriber: a replay, or a grant that expires.
    Stream(usize),
    /// New connections, or the end of the event loop.
    Commands,
    /// The tracker closes all streams.
    Closing,
}

/// Signals that the event loop has not handled yet.
#[derive(Debug)]
pub(crate) struct Signals {
    state: Mutex<State>,
    waker: mio::Waker,
}

#[derive(Debug, Default)]
struct State {
    targets: Vec<Target>,
    /// The event loop waits for its sockets, or is about to.
    is_waiting: bool,
}

impl Signals {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self {
            state: Mutex::default(),
            waker: mio::Waker::new(registry, token)?,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code under this lock panics in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a signal, and wakes the event loop if it waits.
    pub(crate) fn push(&self, target: Target) {
        let mut state = self.lock();
        state.targets.push(target);
        let is_waiting = core::mem::take(&mut state.is_waiting);
        drop(state);
        if is_waiting && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake the event loop");
        }
    }

    /// Moves all signals into `targets`. If there are none and the event loop has nothing else to do, notes that it
    /// waits. Returns whether it may wait.
    pub(crate) fn take(&self, targets: &mut Vec<Target>, is_idle: bool) -> bool {
        let mut state = self.lock();
        core::mem::swap(&mut state.targets, targets);
        state.is_waiting = is_idle && targets.is_empty();
        state.is_waiting
    }
}

/// Waker that adds a signal, unless that is already added and not handled.
#[derive(Debug)]
pub(crate) struct Signal {
    signals: Arc<Signals>,
    target: Target,
    is_queued: AtomicBool,
}

impl Signal {
    pub(crate) fn new(signals: &Arc<Signals>, target: Target) -> Arc<Self> {
        Arc::new(Self {
            signals: Arc::clone(signals),
            target,
            is_queued: AtomicBool::new(false),
        })
    }

    /// Notes that the signal is handled. Call this before the work that it stands for.
    pub(crate) fn handled(&self) {
        self.is_queued.store(false, Ordering::SeqCst);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::SeqCst) {
            self.signals.push(self.target);
        }
    }
}

/// Waker that only notes that it was woken.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    /// Returns whether it was woken since the last call.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
