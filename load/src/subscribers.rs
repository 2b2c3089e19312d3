//! Thousands of clients in one thread, which cost little, so that the server limits the rate.

mod client;

use std::{
    io,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use mio::{Events, Poll, Token};
use testkit::timeout::test_timeout;

use client::{Client, Kind};

use crate::samples::Arrivals;

/// Maximum time without data. Evaluated once, because it is used while the server is measured.
static READ_TIMEOUT: LazyLock<Duration> = LazyLock::new(test_timeout);

/// Maximum number of concurrent connection attempts. It is below the backlog of a listener.
const MAX_CONNECTING: usize = 128;

/// Request of each client.
#[derive(Args, Clone, Debug)]
pub struct StreamRequest {
    /// Path and query of the stream.
    #[arg(long, default_value = StreamRequest::DEFAULT_TARGET)]
    pub target: String,
    /// Value of the header `Authorization`.
    #[arg(long)]
    pub authorization: Option<String>,
}

impl StreamRequest {
    const DEFAULT_TARGET: &str = "/events";

    /// Creates a request for this path and query, without a token.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            authorization: None,
        }
    }

    /// Returns the arguments of a program that takes a request.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &str> {
        let authorization = self.authorization.as_deref();
        let authorization = authorization.map(|value| ["--authorization", value]);
        ["--target", &self.target]
            .into_iter()
            .chain(authorization.into_iter().flatten())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n", self.target);
        text.push_str("Accept: text/event-stream\r\n");
        if let Some(value) = &self.authorization {
            text.push_str(&format!("Authorization: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

impl Default for StreamRequest {
    fn default() -> Self {
        Self::new(Self::DEFAULT_TARGET)
    }
}

/// Clients that are connected and have received the head of their response.
#[derive(Debug)]
pub struct Subscribers {
    request: Vec<u8>,
    poll: Poll,
    ready: Events,
    clients: Vec<Client>,
    /// Clients that do not read any more.
    stalled: Vec<Client>,
    /// Number of streams that have ended. It is counted, because checking all clients is slower than reading.
    ended: usize,
    buffer: Vec<u8>,
}

impl Subscribers {
    /// Connects `count` clients. With `keep`, they keep all received bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if a client gets no response.
    pub fn connect(port: u16, count: usize, keep: bool) -> Result<Self> {
        Self::connect_with(&StreamRequest::default(), port, count, keep)
    }

    /// Connects `count` clients that send this request. With `keep`, they keep all received bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if a client gets no response.
    pub fn connect_with(
        request: &StreamRequest,
        port: u16,
        count: usize,
        keep: bool,
    ) -> Result<Self> {
        let mut subscribers = Self {
            request: request.to_bytes(),
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

    /// Connects `count` more clients, which read only the head of their response. Their receive buffers are small.
    ///
    /// # Errors
    ///
    /// Returns an error if a client gets no response.
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
            let end = count.min(start + MAX_CONNECTING);
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

    /// Receives until each client has this number of additional events.
    ///
    /// # Errors
    ///
    /// Returns an error if a client gets fewer or more events.
    pub fn receive(&mut self, events: u64) -> Result<()> {
        self.receive_each(events, &mut |_, _| ())
    }

    /// Receives like [`receive`](Self::receive), and returns the time at which each event arrived.
    ///
    /// # Errors
    ///
    /// Returns an error if a client gets fewer or more events.
    pub fn receive_timed(&mut self, events: u64) -> Result<Arrivals> {
        let first = self.clients.first().map_or(0, |client| client.events);
        let mut arrivals = Arrivals::of(events as usize, self.clients.len());
        self.receive_each(events, &mut |from, to| {
            arrivals.add((from - first) as usize..(to - first) as usize);
        })?;
        Ok(arrivals)
    }

    fn receive_each(&mut self, events: u64, seen: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let mut missing = events * self.clients.len() as u64;
        let expected = self.clients.first().map_or(0, |client| client.events) + events;
        while missing > 0 {
            let received = self.turn(seen)?;
            missing = missing.checked_sub(received).context("too many events")?;
        }
        let right = self.clients.iter().all(|client| client.events == expected);
        ensure!(right, "some clients received more events than others");
        Ok(())
    }

    /// Receives until every stream has ended, for at most this time.
    ///
    /// # Errors
    ///
    /// Returns an error if the sockets cannot be polled.
    pub fn drain(&mut self, timeout: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < timeout && self.ended < self.clients.len() {
            self.wait(Duration::from_millis(10))?;
            self.read_ready(&mut |_, _| ())?;
        }
        Ok(())
    }

    /// Returns the number of clients that read.
    pub fn count(&self) -> usize {
        self.clients.len()
    }

    /// Returns the bytes that each client received after the head of the response, if they were kept.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.clients
            .iter()
            .filter_map(|client| client.body.as_deref())
    }

    /// Waits for data, reads it, and returns the number of events. Calls `seen` with the number of events that each
    /// client had before and has now.
    ///
    /// It never sleeps. Otherwise a server that is slower than its clients would have to wake them for each event, and
    /// a faster server would not.
    fn turn(&mut self, seen: &mut dyn FnMut(u64, u64)) -> Result<u64> {
        let start = Instant::now();
        loop {
            self.wait(Duration::ZERO)?;
            if !self.ready.is_empty() {
                break;
            }
            ensure!(
                start.elapsed() < *READ_TIMEOUT,
                "no data for {:?}",
                *READ_TIMEOUT
            );
            // The server needs the core if there is only one.
            thread::yield_now();
        }
        let received = self.read_ready(seen)?;
        ensure!(self.ended == 0, "the server ended a stream");
        Ok(received)
    }

    fn wait(&mut self, timeout: Duration) -> Result<()> {
        match self.poll.poll(&mut self.ready, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn read_ready(&mut self, seen: &mut dyn FnMut(u64, u64)) -> Result<u64> {
        let mut received = 0;
        for event in &self.ready {
            let client = &mut self.clients[event.token().0];
            if event.is_writable() {
                client.send_request(&self.request)?;
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
