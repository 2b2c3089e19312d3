//! One subscriber.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::{Context as _, Result, bail, ensure};
use mio::{Interest, Registry, Token, net::TcpStream};

use crate::feed::MARK;

/// What each asks.
const REQUEST: &[u8] =
    b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n";

/// What ends the head of an answer.
const HEAD_END: &[u8; 4] = b"\r\n\r\n";

/// A connection and what came over it.
#[derive(Debug)]
pub(super) struct Client {
    connection: TcpStream,
    asked: bool,
    /// How much of [`HEAD_END`] was seen.
    head: usize,
    /// How many events have come.
    pub(super) events: u64,
    /// The server has closed the connection.
    pub(super) ended: bool,
    /// Everything behind the head, if that is wanted.
    pub(super) body: Option<Vec<u8>>,
}

impl Client {
    /// Begins to connect.
    pub(super) fn begin(port: u16, token: Token, registry: &Registry, keep: bool) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut connection = TcpStream::connect(address)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut connection, token, both)?;
        Ok(Self {
            connection,
            asked: false,
            head: 0,
            events: 0,
            ended: false,
            body: keep.then(Vec::new),
        })
    }

    /// The head of the answer was seen.
    pub(super) fn is_open(&self) -> bool {
        self.head == HEAD_END.len()
    }

    /// Sends the request, once.
    pub(super) fn ask(&mut self) -> Result<()> {
        if !self.asked {
            let written = self.connection.write(REQUEST).context("cannot ask")?;
            ensure!(written == REQUEST.len(), "the request did not fit");
            self.asked = true;
        }
        Ok(())
    }

    /// Reads what is there, and the end if the server has `closed` the stream. Gives the number of
    /// events.
    pub(super) fn read(&mut self, buffer: &mut [u8], closed: bool) -> Result<u64> {
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
