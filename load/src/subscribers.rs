//! Thousands of clients in one thread, cheap enough that the server is what is measured.

mod client;

use std::{
    io,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use mio::{Events, Poll, Token};

use client::Client;

/// How long nothing may come before it counts as nothing coming.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many connect at a time: fewer than a listener lets wait.
const AT_ONCE: usize = 128;

/// Clients that are all connected and have all seen the head of their answer.
#[derive(Debug)]
pub struct Subscribers {
    poll: Poll,
    ready: Events,
    clients: Vec<Client>,
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
            buffer: vec![0; 64 * 1024],
        };
        while subscribers.clients.len() < count {
            let start = subscribers.clients.len();
            let end = count.min(start + AT_ONCE);
            for index in start..end {
                let registry = subscribers.poll.registry();
                let client = Client::begin(port, Token(index), registry, keep)?;
                subscribers.clients.push(client);
            }
            while !subscribers.clients[start..].iter().all(Client::is_open) {
                subscribers.turn()?;
            }
        }
        Ok(subscribers)
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

    /// How many they are.
    pub fn count(&self) -> usize {
        self.clients.len()
    }

    /// What each has received behind the head of the answer, if that was kept.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.clients.iter().filter_map(|it| it.body.as_deref())
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
            if event.is_writable() {
                client.ask()?;
            }
            if event.is_readable() {
                received += client.read(&mut self.buffer, event.is_read_closed())?;
            }
        }
        Ok(received)
    }
}
