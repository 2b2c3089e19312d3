//! The event loop: polls subscribers when they have events, timers or writable sockets.

use core::{
    panic::AssertUnwindSafe,
    task::{Context, Poll, Waker},
};
use std::{
    collections::VecDeque,
    io,
    net::Shutdown,
    panic,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token, event::Event};
use slab::Slab;
use tokio::runtime::Handle;
use tokio_util::time::DelayQueue;

use crate::{
    chunk::ChunkCache,
    group::Groups,
    open_stream::{OpenStream, Shared, Timer, Turn},
    signals::{Flag, Signal, Signals, Target},
};

/// Token of the signals. The others are keys of subscribers.
pub(crate) const SIGNALS: Token = Token(usize::MAX);

/// Number of turns of subscribers before the event loop looks at its sockets and timers.
const TURNS_PER_ROUND: usize = 256;

/// Number of events of sockets that are read at once.
const SOCKET_EVENTS: usize = 256;

/// Message of a handle to the event loop.
pub(crate) enum Command {
    Add(Box<OpenStream>),
    /// There are no more handles. The event loop ends after its last subscriber.
    Detach,
}

/// Commands that the event loop has not taken yet.
#[derive(Default)]
pub(crate) struct Commands(Mutex<Vec<Command>>);

impl Commands {
    pub(crate) fn push(&self, command: Command) {
        let mut commands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        commands.push(command);
    }

    fn take(&self) -> Vec<Command> {
        let mut commands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::take(&mut commands)
    }
}

/// State of the event loop, on its own thread.
pub(crate) struct EventLoop {
    poll: mio::Poll,
    signals: Arc<Signals>,
    commands: Arc<Commands>,
    /// Not boxed, because the turns of a group visit them in their order in memory.
    streams: Slab<OpenStream>,
    groups: Groups,
    /// Subscribers that get a turn for another reason than new events.
    queue: VecDeque<usize>,
    timers: DelayQueue<usize>,
    timers_signal: Arc<Signal>,
    chunks: ChunkCache,
    again: Arc<Flag>,
    again_waker: Waker,
    now: Instant,
    write_timeout: Duration,
    runtime: Handle,
    is_detached: bool,
}

impl EventLoop {
    pub(crate) fn new(
        poll: mio::Poll,
        signals: Arc<Signals>,
        commands: Arc<Commands>,
        write_timeout: Duration,
        runtime: Handle,
    ) -> Self {
        let again = Arc::<Flag>::default();
        Self {
            poll,
            groups: Groups::new(Arc::clone(&signals)),
            timers_signal: Signal::new(&signals, Target::Timers),
            signals,
            commands,
            streams: Slab::new(),
            queue: VecDeque::new(),
            timers: DelayQueue::new(),
            chunks: ChunkCache::default(),
            again_waker: Waker::from(Arc::clone(&again)),
            again,
            now: Instant::now(),
            write_timeout,
            runtime,
            is_detached: false,
        }
    }

    /// Runs until there are no handles and no subscribers any more.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let runtime = self.runtime.clone();
        // Timers of subscriptions, and tasks of connections, belong to this runtime.
        let _context = runtime.enter();
        let mut events = mio::Events::with_capacity(SOCKET_EVENTS);
        let mut targets = Vec::new();
        while !(self.is_detached && self.streams.is_empty()) {
            let is_idle = self.groups.is_idle() && self.queue.is_empty();
            if is_idle {
                self.chunks.clear();
            }
            let timeout = match self.signals.take(&mut targets, is_idle) {
                true => None,
                false => Some(Duration::ZERO),
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                polled => polled?,
            }
            self.now = Instant::now();
            for event in &events {
                if event.token() != SIGNALS {
                    self.handle_socket(event);
                }
            }
            for target in targets.drain(..) {
                self.handle_signal(target);
            }
            for turn in 0..TURNS_PER_ROUND {
                // The time of a turn is exact to about a millisecond.
                if turn % 64 == 63 {
                    self.now = Instant::now();
                }
                // Groups and other work take turns, so that none waits for all of the other.
                let key = match turn % 2 {
                    0 => self.next_queued().or_else(|| self.groups.next_key()),
                    _ => self.groups.next_key().or_else(|| self.next_queued()),
                };
                let Some(key) = key else { break };
                self.take_turn(key);
            }
            self.groups.rotate();
        }
        Ok(())
    }

    fn next_queued(&mut self) -> Option<usize> {
        let key = self.queue.pop_front()?;
        if let Some(stream) = self.streams.get_mut(key) {
            stream.is_queued = false;
        }
        Some(key)
    }

    fn enqueue(&mut self, key: usize) {
        if let Some(stream) = self.streams.get_mut(key)
            && !core::mem::replace(&mut stream.is_queued, true)
        {
            self.queue.push_back(key);
        }
    }

    fn handle_socket(&mut self, event: &Event) {
        let Token(key) = event.token();
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        if event.is_error() || event.is_write_closed() {
            self.discard(key);
            return;
        }
        if event.is_read_closed() {
            stream.client_has_closed(self.now);
            self.enqueue(key);
        } else if event.is_writable() && stream.is_blocked() {
            self.enqueue(key);
        }
    }

    fn handle_signal(&mut self, target: Target) {
        match target {
            Target::Group(key) => self.groups.activate(key),
            Target::Stream(key) => {
                let stream = self.streams.get(key);
                if let Some(signal) = stream.and_then(OpenStream::own_signal) {
                    signal.handled();
                }
                self.enqueue(key);
            }
            Target::Timers => {
                self.timers_signal.handled();
                self.handle_timers();
            }
            Target::Commands => {
                for command in self.commands.take() {
                    match command {
                        Command::Add(stream) => self.add(*stream),
                        Command::Detach => self.is_detached = true,
                    }
                }
            }
            Target::Closing => {
                let keys: Vec<_> = self.streams.iter().map(|(key, _)| key).collect();
                for key in keys {
                    self.enqueue(key);
                }
            }
        }
    }

    /// Gives a turn to all subscribers whose timer has expired.
    fn handle_timers(&mut self) {
        let waker = Waker::from(Arc::clone(&self.timers_signal));
        let mut cx = Context::from_waker(&waker);
        while let Poll::Ready(Some(expired)) = self.timers.poll_expired(&mut cx) {
            let key = expired.into_inner();
            if let Some(stream) = self.streams.get_mut(key) {
                stream.timer = None;
                self.enqueue(key);
            }
        }
    }

    fn add(&mut self, mut stream: OpenStream) {
        let key = self.streams.vacant_key();
        let Ok(index) = u32::try_from(key) else {
            return;
        };
        let interests = Interest::READABLE | Interest::WRITABLE;
        let registered = self
            .poll
            .registry()
            .register(&mut stream.socket, Token(key), interests);
        if let Err(error) = registered {
            tracing::warn!(%error, "cannot watch a connection");
            return;
        }
        stream.join(index, &mut self.groups);
        self.streams.insert(stream);
        self.enqueue(key);
    }

    fn take_turn(&mut self, key: usize) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let signals = &self.signals;
        let mut shared = Shared {
            now: self.now,
            write_timeout: self.write_timeout,
            chunks: &mut self.chunks,
            again: &self.again,
            again_waker: &self.again_waker,
            new_signal: &|| Signal::new(signals, Target::Stream(key)),
        };
        match survive(|| stream.take_turn(&mut shared)).unwrap_or(Turn::Failed) {
            Turn::Waits | Turn::Blocked => self.set_timer(key),
            Turn::HasMore => self.enqueue(key),
            Turn::Ended => {
                if let Some(stream) = self.remove(key) {
                    survive(|| end(stream));
                }
            }
            Turn::Failed => self.discard(key),
        }
    }

    /// Closes the connection of a stream.
    fn discard(&mut self, key: usize) {
        let stream = self.remove(key);
        survive(|| drop(stream));
    }

    /// Sets the timer of a subscriber to its deadline, if there is no earlier timer.
    ///
    /// The timer of a subscriber that gets events is not reset for each of them. It expires early, and is set again.
    fn set_timer(&mut self, key: usize) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let Some(deadline) = stream.deadline(self.write_timeout) else {
            return;
        };
        let is_set = |timer: &Timer| timer.at <= deadline;
        if stream.timer.as_ref().is_some_and(is_set) {
            return;
        }
        if let Some(timer) = stream.timer.take() {
            self.timers.try_remove(&timer.key);
        }
        // A timer that is far away would exceed the range of the queue.
        let at = deadline.min(self.now + MAX_DELAY);
        stream.timer = Some(Timer {
            key: self.timers.insert_at(key, at.into()),
            at,
        });
        // Registers the waker.
        self.handle_timers();
    }

    fn remove(&mut self, key: usize) -> Option<OpenStream> {
        let mut stream = self.streams.try_remove(key)?;
        if let Some(timer) = &stream.timer {
            self.timers.try_remove(&timer.key);
        }
        if let Some(moved) = self.groups.leave(stream.group)
            && let Some(moved) = self.streams.get_mut(moved as usize)
        {
            moved.group = stream.group;
        }
        deregister(self.poll.registry(), &mut stream);
        if self.streams.is_empty() {
            self.streams = Slab::new();
            self.timers = DelayQueue::new();
            self.queue = VecDeque::new();
        }
        Some(stream)
    }
}

/// Calls code that may be that of an authorizer, of a backend or of the server. Returns `None` if it panics.
///
/// A panic must not end the other streams. The stream is dropped then, so the state that the panic has left is not used.
fn survive<T>(call: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(call)).ok()
}

/// Maximum time of a timer.
const MAX_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

fn deregister(registry: &Registry, stream: &mut OpenStream) {
    if let Err(error) = registry.deregister(&mut stream.socket) {
        tracing::debug!(%error, "a connection was not watched");
    }
}

/// Ends a stream of which all is sent: closes the connection, or returns it.
fn end(mut stream: OpenStream) {
    let read_ahead = stream.take_read_ahead();
    let OpenStream {
        socket,
        frames,
        on_return,
        closes,
        ..
    } = stream;
    drop(frames);
    if closes {
        // The client may be gone already.
        let _ = socket.shutdown(Shutdown::Write);
        return;
    }
    let socket = tokio::net::TcpStream::from_std(std::net::TcpStream::from(socket));
    match (socket, on_return) {
        (Ok(socket), Some(on_return)) => {
            on_return(socket, read_ahead);
        }
        (Err(error), _) => tracing::warn!(%error, "cannot serve a connection any more"),
        (_, None) => {}
    }
}
