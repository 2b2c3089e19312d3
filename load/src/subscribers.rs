//! Thousands of clients in one thread, cheap enough that the server is what is measured.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::feed::MARK;

/// How long nothing may come before it counts as nothing coming.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many connect at a time: fewer than a listener lets wait.
const AT_ONCE: usize = 128;

/// The request of each.
const REQUEST: &[u8] =
    b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n";

/// What ends the head of an answer.
const HEAD_END: &[u8; 4] = b"\r\n\r\n";

/// Clients that are all connected and have all seen the head of their answer.
#[derive(Debug)]
pub struct Subscribers {
    poll: Poll,
    ready: Events,
    clients: Vec<Client>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Client {
    connection: TcpStream,
    asked: bool,
    /// How much of [`HEAD_END`] was seen.
    head: usize,
    events: u64,
    ended: bool,
    /// Everything behind the head, if that is wanted.
    body: Option<Vec<u8>>,
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
            buffer: vec![0; 64 * 1024],
        };
        while subscribers.clients.len() < count {
            let start = subscribers.clients.len();
            let end = count.min(start + AT_ONCE);
            for index in start..end {
                subscribers.begin(port, index, keep)?;
            }
            subscribers.run(|clients| clients[start..].iter().all(Client::is_open))?;
        }
        Ok(subscribers)
    }

    fn begin(&mut self, port: u16, index: usize, keep: bool) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut connection = TcpStream::connect(address)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(&mut connection, Token(index), both)?;
        self.clients.push(Client {
            connection,
            asked: false,
            head: 0,
            events: 0,
            ended: false,
            body: keep.then(Vec::new),
        });
        Ok(())
    }

    /// Receives until each has this many events more.
    ///
    /// # Errors
    ///
    /// If they do not come, or if some client gets more.
    pub fn receive(&mut self, events: u64) -> Result<()> {
        let mut missing = events * self.clients.len() as u64;
        let expected = self.clients.first().map_or(0, |it| it.events) + events;
        while missing > 0 {
            let received = self.turn()?;
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
        while start.elapsed() < patience && !self.clients.iter().all(|it| it.ended) {
            self.wait(Duration::from_millis(10))?;
            self.read_ready()?;
        }
        Ok(())
    }

    /// What each has received behind the head of the answer, if that was kept.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.clients.iter().filter_map(|it| it.body.as_deref())
    }

    fn run(&mut self, done: impl Fn(&[Client]) -> bool) -> Result<()> {
        while !done(&self.clients) {
            self.turn()?;
        }
        Ok(())
    }

    /// Waits until something comes, and takes it. Gives the number of events.
    fn turn(&mut self) -> Result<u64> {
        self.wait(PATIENCE)?;
        ensure!(!self.ready.is_empty(), "nothing came for {PATIENCE:?}");
        let received = self.read_ready()?;
        ensure!(
            !self.clients.iter().any(|it| it.ended),
            "the server ended a stream"
        );
        Ok(received)
    }

    fn wait(&mut self, patience: Duration) -> Result<()> {
        match self.poll.poll(&mut self.ready, Some(patience)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn read_ready(&mut self) -> Result<u64> {
        let mut received = 0;
        for event in &self.ready {
            let client = &mut self.clients[event.token().0];
            if event.is_writable() && !client.asked {
                client.ask()?;
            }
            if event.is_readable() {
                received += client.read(&mut self.buffer, event.is_read_closed())?;
            }
        }
        Ok(received)
    }
}

impl Client {
    fn is_open(&self) -> bool {
        self.head == HEAD_END.len()
    }

    fn ask(&mut self) -> Result<()> {
        let written = self.connection.write(REQUEST).context("cannot ask")?;
        ensure!(written == REQUEST.len(), "the request did not fit");
        self.asked = true;
        Ok(())
    }

    /// Reads what is there, and the end if the server has `closed` the stream. Gives the number of
    /// events.
    fn read(&mut self, buffer: &mut [u8], closed: bool) -> Result<u64> {
        let before = self.events;
        loop {
            let length = match self.connection.read(buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
                Err(error) => bail!("cannot read: {error}"),
            };
            self.ended |= length == 0;
            self.take(&buffer[..length]);
            // There was less than there was room for, so that was all; of more, the poll tells.
            if self.ended || length < buffer.len() && !closed {
                break;
            }
        }
        Ok(self.events - before)
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !self.is_open() {
            let Some((first, rest)) = bytes.split_first() else {
                return;
            };
            bytes = rest;
            self.head = match *first {
                byte if byte == HEAD_END[self.head] => self.head + 1,
                byte => usize::from(byte == HEAD_END[0]),
            };
        }
        self.events += memchr::memchr_iter(MARK, bytes).count() as u64;
        if let Some(body) = &mut self.body {
            body.extend_from_slice(bytes);
        }
    }
}
