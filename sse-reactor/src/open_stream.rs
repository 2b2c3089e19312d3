//! Open stream: a connection of which the event loop writes the rest of the response.

use core::{
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use futures_core::Stream;
use mio::net::TcpStream;
use sse_hub::{Encoded, Subscription};
use sse_hyper::EventFrames;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    ConnectionHandler,
    chunk::{Chunk, ChunkCache},
    group::Groups,
    signals::{Flag, Signal},
};

/// Time between the two comments that probe whether a client is gone. Its reset must arrive within this time.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum number of frames that a subscriber gets before it is the turn of others.
const MAX_FRAMES_PER_TURN: usize = 16;

/// Events of a subscriber, with the waker of its group.
#[derive(Debug)]
pub(crate) struct Events {
    subscription: Subscription,
    group_waker: Waker,
}

impl Events {
    pub(crate) fn new(subscription: Subscription) -> Self {
        Self {
            subscription,
            group_waker: Waker::noop().clone(),
        }
    }
}

impl Stream for Events {
    type Item = Encoded;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        let this = self.get_mut();
        this.subscription.poll_events(cx, &this.group_waker)
    }
}

/// Stream of one subscriber.
pub(crate) struct OpenStream {
    pub(crate) socket: TcpStream,
    pub(crate) frames: EventFrames<Events>,
    /// Bytes that the socket has not taken yet. The subscriber is not polled meanwhile: its events stay in the log.
    unsent: Option<Box<Unsent>>,
    /// Key of its group, and its index there.
    pub(crate) group: (u32, u32),
    /// Time of its timer. It may be earlier than the deadline, but not later.
    pub(crate) timer: Option<Instant>,
    rare: Option<Box<Rare>>,
    /// The last chunk is written, or is unsent.
    has_ended: bool,
    pub(crate) is_queued: bool,
    /// Gets the connection back after the stream.
    pub(crate) handler: Arc<dyn ConnectionHandler>,
    /// Permit of the connection.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
    /// The client, or the server, has asked to close the connection after this response.
    pub(crate) closes: bool,
}

/// State that few streams have. It is boxed, because there are very many streams.
#[derive(Default)]
struct Rare {
    /// Bytes that hyper has read after the request.
    read_ahead: Bytes,
    /// Waker for everything but new events, if the subscription waits for anything else.
    own_signal: Option<Arc<Signal>>,
    /// The client has closed its writing half.
    probe: Option<Probe>,
}

struct Unsent {
    chunk: Chunk,
    /// Time of the last progress.
    since: Instant,
}

/// Comments that are sent to a client that has closed its writing half.
//
// TCP cannot distinguish a client that has only finished its requests from one that is gone, until the server writes.
// A client that is gone answers the first comment with a reset.
struct Probe {
    next: Instant,
    comments_left: u8,
}

/// Result of a turn: the condition for the next one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The subscriber waits for events or timers.
    Waits,
    /// The subscriber waits for its socket.
    Blocked,
    /// The subscriber has more to send.
    HasMore,
    /// All is sent.
    Ended,
    /// The connection failed, or its client is too slow.
    Failed,
}

/// State of the event loop that subscribers use during their turn.
pub(crate) struct Shared<'a> {
    pub(crate) now: Instant,
    pub(crate) write_timeout: Duration,
    pub(crate) chunks: &'a mut ChunkCache,
    /// Woken if a subscriber wants to be polled again.
    pub(crate) again: &'a Flag,
    pub(crate) again_waker: &'a Waker,
    pub(crate) new_signal: &'a dyn Fn() -> Arc<Signal>,
}

impl OpenStream {
    pub(crate) fn new(
        socket: TcpStream,
        frames: EventFrames<Events>,
        read_ahead: Bytes,
        closes: bool,
        handler: Arc<dyn ConnectionHandler>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            socket,
            frames,
            unsent: None,
            group: (0, 0),
            timer: None,
            rare: (!read_ahead.is_empty()).then(|| {
                Box::new(Rare {
                    read_ahead,
                    ..Rare::default()
                })
            }),
            has_ended: false,
            is_queued: false,
            handler,
            permit,
            closes,
        }
    }

    /// Joins the group of its events.
    pub(crate) fn join(&mut self, key: usize, groups: &mut Groups) {
        if let Some(events) = Pin::new(&mut self.frames).events_mut() {
            let events = events.get_mut();
            let channel = events.subscription.channel_id();
            (self.group, events.group_waker) = groups.join(channel, key);
        }
    }

    /// Returns whether its socket has to take something first.
    pub(crate) fn is_blocked(&self) -> bool {
        self.unsent.is_some()
    }

    /// Returns the signal for everything but new events, if it has one.
    pub(crate) fn own_signal(&self) -> Option<&Signal> {
        self.rare.as_ref()?.own_signal.as_deref()
    }

    /// Notes that the client has closed its writing half.
    pub(crate) fn client_has_closed(&mut self, now: Instant) {
        self.closes = true;
        let rare = self.rare.get_or_insert_default();
        rare.probe.get_or_insert(Probe {
            next: now,
            comments_left: 2,
        });
    }

    /// Takes the bytes that hyper has read after the request.
    pub(crate) fn take_read_ahead(&mut self) -> Bytes {
        let rare = self.rare.as_mut();
        rare.map(|rare| mem::take(&mut rare.read_ahead))
            .unwrap_or_default()
    }

    /// Returns the time of its next turn, if nothing else happens before.
    pub(crate) fn deadline(&self, write_timeout: Duration) -> Option<Instant> {
        match &self.unsent {
            Some(unsent) => unsent.since.checked_add(write_timeout),
            None => {
                let probe = self.rare.as_ref().and_then(|rare| rare.probe.as_ref());
                let probe = probe.filter(|probe| probe.comments_left > 0);
                let deadlines = [self.frames.deadline(), probe.map(|probe| probe.next)];
                deadlines.into_iter().flatten().min()
            }
        }
    }

    /// Sends what is ready.
    pub(crate) fn take_turn(&mut self, shared: &mut Shared<'_>) -> Turn {
        if let Some(unsent) = &mut self.unsent {
            let waited = shared.now.saturating_duration_since(unsent.since);
            match write(&mut self.socket, &mut unsent.chunk) {
                Ok(Written::All) => self.unsent = None,
                Ok(Written::Some) => {
                    unsent.since = shared.now;
                    return Turn::Blocked;
                }
                Ok(Written::Nothing) if waited < shared.write_timeout => return Turn::Blocked,
                _ => return Turn::Failed,
            }
        }
        for _ in 0..MAX_FRAMES_PER_TURN {
            if self.has_ended {
                return Turn::Ended;
            }
            let turn = match self.poll_frame(shared) {
                Poll::Ready(Some(frame)) => {
                    let chunk = shared.chunks.chunk(frame);
                    let turn = self.send(chunk, shared.now);
                    if turn.is_none() && !shared.again.take() && self.is_registered() {
                        return Turn::Waits;
                    }
                    turn
                }
                Poll::Ready(None) => {
                    self.has_ended = true;
                    self.send(&Chunk::last(), shared.now)
                }
                Poll::Pending if shared.again.take() => return Turn::HasMore,
                Poll::Pending => match self.next_probe(shared.now) {
                    Some(chunk) => self.send(&chunk, shared.now),
                    None => return Turn::Waits,
                },
            };
            if let Some(turn) = turn {
                return turn;
            }
        }
        Turn::HasMore
    }

    /// Writes a chunk. Returns why the turn ends, if it does.
    fn send(&mut self, chunk: &Chunk, now: Instant) -> Option<Turn> {
        // Most chunks are written at once, without a clone.
        let first = chunk.bytes();
        match self.socket.write(first) {
            Ok(count) if count == first.len() && chunk.is_single() => return None,
            Ok(count) => {
                let mut chunk = chunk.clone();
                chunk.advance(count);
                self.unsent = Some(Box::new(Unsent { chunk, since: now }));
            }
            Err(error) if is_temporary(&error) => {
                let chunk = chunk.clone();
                self.unsent = Some(Box::new(Unsent { chunk, since: now }));
            }
            Err(_) => return Some(Turn::Failed),
        }
        let unsent = self.unsent.as_mut()?;
        match write(&mut self.socket, &mut unsent.chunk) {
            Ok(Written::All) => {
                self.unsent = None;
                None
            }
            Ok(_) => Some(Turn::Blocked),
            Err(_) => Some(Turn::Failed),
        }
    }

    fn poll_frame(&mut self, shared: &mut Shared<'_>) -> Poll<Option<Bytes>> {
        if self.waits_only_for_events() {
            let mut cx = Context::from_waker(shared.again_waker);
            let polled = Pin::new(&mut self.frames).poll_frame(shared.now, &mut cx);
            // If it has begun a replay, it has to be polled with its own waker.
            if polled.is_ready() || self.waits_only_for_events() {
                return polled;
            }
        }
        let rare = self.rare.get_or_insert_default();
        let signal = rare.own_signal.get_or_insert_with(shared.new_signal);
        let waker = Waker::from(Arc::clone(signal));
        let polled =
            Pin::new(&mut self.frames).poll_frame(shared.now, &mut Context::from_waker(&waker));
        if self.waits_only_for_events() {
            self.forget_own_signal();
        }
        polled
    }

    fn waits_only_for_events(&mut self) -> bool {
        let events = Pin::new(&mut self.frames).events_mut();
        events.is_none_or(|events| events.subscription.waits_only_for_events())
    }

    /// Returns whether the next event wakes the subscriber, and nothing else is to be sent.
    fn is_registered(&mut self) -> bool {
        let events = Pin::new(&mut self.frames).events_mut();
        self.rare.is_none() && events.is_some_and(|events| events.subscription.is_registered())
    }

    fn forget_own_signal(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.own_signal = None;
            if rare.read_ahead.is_empty() && rare.probe.is_none() {
                self.rare = None;
            }
        }
    }

    fn next_probe(&mut self, now: Instant) -> Option<Chunk> {
        let probe = self.rare.as_mut()?.probe.as_mut()?;
        if probe.comments_left == 0 || probe.next > now {
            return None;
        }
        probe.comments_left -= 1;
        probe.next = now + PROBE_INTERVAL;
        Some(Chunk::new(&self.frames.comment()))
    }
}

/// Part of a chunk that the socket has taken.
enum Written {
    Nothing,
    Some,
    All,
}

/// Writes as much as the socket takes.
fn write(socket: &mut TcpStream, chunk: &mut Chunk) -> io::Result<Written> {
    let mut written = Written::Nothing;
    while !chunk.bytes().is_empty() {
        match socket.write(chunk.bytes()) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                chunk.advance(count);
                written = Written::Some;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(written),
            Err(error) => return Err(error),
        }
    }
    Ok(Written::All)
}

/// Returns whether the same bytes can be written later.
fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_takes_little_memory() {
        assert!(
            size_of::<OpenStream>() <= 272,
            "{}",
            size_of::<OpenStream>()
        );
    }
}
