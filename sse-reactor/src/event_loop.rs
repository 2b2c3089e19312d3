//! The event loop: polls subscribers when they have events, timers or writable sockets.

use core::{panic::AssertUnwindSafe, task::Waker};
use std::{
    collections::VecDeque,
    io,
    net::Shutdown,
    panic,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token, event::Event};
use tokio::runtime::Handle;

use crate::{
    chunk::ChunkCache,
    group::Groups,
    open_stream::{OpenStream, Shared, Turn},
    signals::{Flag, Signal, Signals, Target},
    stream_slab::StreamSlab,
    timers::Timers,
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
    streams: StreamSlab,
    groups: Groups,
    /// Subscribers that get a turn for another reason than new events.
    queue: VecDeque<usize>,
    timers: Timers,
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
            signals,
            commands,
            streams: StreamSlab::default(),
            queue: VecDeque::new(),
            timers: Timers::default(),
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
                true => self.timeout(),
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
            while let Some((at, key)) = self.timers.pop_expired(self.now) {
                if let Some(stream) = self.streams.get_mut(key)
                    && stream.timer == Some(at)
                {
                    stream.timer = None;
                    self.enqueue(key);
                }
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

    /// Returns the time until the next timer expires. `None` if there is no timer.
    fn timeout(&self) -> Option<Duration> {
        let at = self.timers.next()?;
        Some(at.saturating_duration_since(Instant::now()))
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
                let stream = self.streams.get_mut(key);
                if let Some(signal) = stream.and_then(|stream| stream.own_signal()) {
                    signal.handled();
                }
                self.enqueue(key);
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
                let keys: Vec<_> = self.streams.keys().collect();
                for key in keys {
                    self.enqueue(key);
                }
            }
        }
    }

    fn add(&mut self, stream: OpenStream) {
        let key = self.streams.insert(stream);
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let interests = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        if let Err(error) = registry.register(&mut stream.socket, Token(key), interests) {
            tracing::warn!(%error, "cannot watch a connection");
            self.streams.remove(key);
            return;
        }
        stream.join(key, &mut self.groups);
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
        if stream.timer.is_some_and(|timer| timer <= deadline) {
            return;
        }
        stream.timer = Some(deadline);
        self.timers.insert(deadline, key, &mut self.streams);
    }

    fn remove(&mut self, key: usize) -> Option<OpenStream> {
        let mut stream = self.streams.remove(key)?;
        if let Some(moved) = self.groups.leave(stream.group) {
            if let Some(moved) = self.streams.get_mut(moved) {
                moved.group = stream.group;
            }
            self.enqueue(moved);
        }
        deregister(self.poll.registry(), &mut stream);
        if self.streams.is_empty() {
            self.queue = VecDeque::new();
            self.timers.clear();
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
        handler,
        permit,
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
    match socket {
        Ok(socket) => handler.handle(socket, read_ahead, permit),
        Err(error) => tracing::warn!(%error, "cannot serve a connection any more"),
    }
}
