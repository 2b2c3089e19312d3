//! Thousands of clients in one thread, cheap enough that the server is what is measured.

mod client;

use std::{
    io,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use mio::{Events, Poll, Token};
use testkit::timeout::test_timeout;

use client::{Client, Kind};

use crate::latencies::Arrivals;

/// How long nothing may come before it counts as nothing coming. Looked up once, because it is used while the
/// server is measured.
static TIMEOUT: LazyLock<Duration> = LazyLock::new(test_timeout);

/// How many connect at a time: fewer than a listener lets wait.
const AT_ONCE: usize = 128;

/// Clients that are all connected and have all seen the head of their answer.
#[derive(Debug)]
pub struct Subscribers {
    poll: Poll,
    ready: Events,
    clients: Vec<Client>,
    /// Those that do not read any more.
    stalled: Vec<Client>,
    /// How many streams have ended. To look at all clients for that takes longer than to read.
    ended: usize,
    buffer: Vec<u8>,
}

impl Subscribers {
    /// Connects this many. With `keep`, all that they receive is kept.
    ///
    /// # Errors
    ///
    /// If one of them gets no answer.
    pub fn connect(port: u16, count: usize, keep: bool) -> Result<Self> {
        let mut subscribers = Self {
            poll: Poll::new()?,
            ready: Events::with_capacity(1024),
            clients: Vec::with_capacity(count),
            stalled: Vec::new(),
            ended: 0,
            buffer: vec![0; 64 * 1024],
        };
        let kind = if keep { Kind::Kept } else { Kind::Counted };
        subscribers.open(port, count, kind)?;
        Ok(subscribers)
    }

    /// Connects this many more, which never read anything but the head of their answer. The kernel has
    /// next to no room for what comes for them.
    ///
    /// # Errors
    ///
    /// If one of them gets no answer.
    pub fn stall(&mut self, port: u16, count: usize) -> Result<()> {
        let readers = self.clients.len();
        self.open(port, count, Kind::Stalled)?;
        for mut client in self.clients.drain(readers..) {
            client.ignore(self.poll.registry())?;
            self.stalled.push(client);
        }
        Ok(())
    }

    fn open(&mut self, port: u16, count: usize, kind: Kind) -> Result<()> {
        let count = self.clients.len() + count;
        while self.clients.len() < count {
            let start = self.clients.len();
            let end = count.min(start + AT_ONCE);
            for index in start..end {
                let registry = self.poll.registry();
                let client = Client::begin(port, Token(index), registry, kind)?;
                self.clients.push(client);
            }
            while !self.clients[start..].iter().all(Client::is_open) {
                self.turn(&mut |_, _| ())?;
            }
        }
        Ok(())
    }

    /// Receives until each has this many events more.
    ///
    /// # Errors
    ///
    /// If they do not come, or if some client gets more.
    pub fn receive(&mut self, events: u64) -> Result<()> {
        self.receive_each(events, &mut |_, _| ())
    }

    /// The same, and remembers when each of them has come.
    ///
    /// # Errors
    ///
    /// If they do not come, or if some client gets more.
    pub fn receive_timed(&mut self, events: u64) -> Result<Arrivals> {
        let first = self.clients.first().map_or(0, |it| it.events);
        let mut arrivals = Arrivals::of(events as usize, self.clients.len());
        self.receive_each(events, &mut |from, to| {
            arrivals.add((from - first) as usize..(to - first) as usize);
        })?;
        Ok(arrivals)
    }

    fn receive_each(&mut self, events: u64, seen: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let mut missing = events * self.clients.len() as u64;
        let expected = self.clients.first().map_or(0, |it| it.events) + events;
        while missing > 0 {
            let received = self.turn(seen)?;
            missing = missing.checked_sub(received).context("too many events")?;
        }
        let right = self.clients.iter().all(|it| it.events == expected);
        ensure!(right, "some have more events than others");
        Ok(())
    }

    /// Receives until every stream has ended or none gets anything any more, for at most this long.
    ///
    /// # Errors
    ///
    /// If the sockets cannot be watched.
    pub fn drain(&mut self, patience: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < patience && self.ended < self.clients.len() {
            self.wait(Duration::from_millis(10))?;
            self.read_ready(&mut |_, _| ())?;
        }
        Ok(())
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.clients.len()
    }

    /// What each has received behind the head of the answer, if that was kept.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.clients.iter().filter_map(|it| it.body.as_deref())
    }

    /// Waits until something comes, and takes it. Gives the number of events, and shows how many each
    /// client had before and has now.
    ///
    /// It never sleeps meanwhile: a server that is slower than its clients would pay for waking them at
    /// each event, and one that is faster would not, since they are always awake.
    fn turn(&mut self, seen: &mut dyn FnMut(u64, u64)) -> Result<u64> {
        let start = Instant::now();
        loop {
            self.wait(Duration::ZERO)?;
            if !self.ready.is_empty() {
                break;
            }
            ensure!(
                start.elapsed() < *TIMEOUT,
                "nothing came for {:?}",
                *TIMEOUT
            );
            // Where there is but one core, the server needs it.
            thread::yield_now();
        }
        let received = self.read_ready(seen)?;
        ensure!(self.ended == 0, "the server ended a stream");
        Ok(received)
    }

    fn wait(&mut self, patience: Duration) -> Result<()> {
        match self.poll.poll(&mut self.ready, Some(patience)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn read_ready(&mut self, seen: &mut dyn FnMut(u64, u64)) -> Result<u64> {
        let mut received = 0;
        for event in &self.ready {
            let client = &mut self.clients[event.token().0];
            if event.is_writable() {
                client.ask()?;
            }
            if event.is_readable() {
                let (before, was_over) = (client.events, client.ended);
                received += client.read(&mut self.buffer, event.is_read_closed())?;
                seen(before, client.events);
                self.ended += usize::from(client.ended && !was_over);
            }
        }
        Ok(received)
    }
}
