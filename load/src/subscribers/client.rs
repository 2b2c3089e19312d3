//! One subscriber.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    process,
};

use anyhow::{Context as _, Result, bail, ensure};
use mio::{Interest, Registry, Token, net::TcpStream};
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use crate::orders::MARK;

/// How many of a crowd have one address: there are 28,000 ports.
const ADDRESS: usize = 20_000;

/// What the kernel may keep of what a [stalled](Kind::Stalled) client does not read. It takes twice as
/// much.
const ROOM: usize = 2048;

/// The longest segment that a stalled client takes: that of an Ethernet, with which a server's kernel
/// keeps some 100 KB for a client. For the segments of the loopback it is 2.5 MB, which would not fill.
const SEGMENT: u32 = 1460;

/// What each asks.
const REQUEST: &[u8] =
    b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n";

/// What ends the head of an answer.
const HEAD_END: &[u8; 4] = b"\r\n\r\n";

/// What becomes of what a client receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is counted.
    Counted,
    /// It is counted and kept.
    Kept,
    /// Next to none of it fits, for this one is not going to read.
    Stalled,
}

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
    /// Begins to connect. The token's number is that of the client in its crowd.
    pub(super) fn begin(port: u16, token: Token, registry: &Registry, kind: Kind) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if kind == Kind::Stalled {
            socket.set_recv_buffer_size(ROOM)?;
            socket.set_tcp_mss(SEGMENT)?;
        }
        if let Some(address) = address(token.0) {
            socket.bind(&SocketAddr::from((address, 0)).into())?;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => {
                return Err(error.into());
            }
            _ => {}
        }
        let mut connection = TcpStream::from_std(socket.into());
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut connection, token, both)?;
        Ok(Self {
            connection,
            asked: false,
            head: 0,
            events: 0,
            ended: false,
            body: (kind == Kind::Kept).then(Vec::new),
        })
    }

    /// From now on nothing is heard of it.
    pub(super) fn ignore(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.connection)
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

/// Where the client of this number comes from, if it matters: the first of a crowd leave that to the
/// kernel, which gives a port to one for each server. The others depend on the process, so that those
/// of another run, which the kernel still remembers, are not in the way.
fn address(index: usize) -> Option<Ipv4Addr> {
    let block = u8::try_from(index / ADDRESS).unwrap_or(u8::MAX);
    let [.., a, b] = process::id().to_be_bytes();
    // Never 127.0, where the others are.
    (block > 0).then(|| Ipv4Addr::new(127, a.max(1), b, block))
}

#[cfg(test)]
mod tests {
    use super::{ADDRESS, address};

    #[test]
    fn many_clients_come_from_many_addresses() {
        assert_eq!(address(ADDRESS - 1), None);
        let last = address(2 * ADDRESS - 1);
        assert!(last.is_some_and(|it| it.is_loopback()));
        assert_eq!(address(ADDRESS), last);
        assert_ne!(address(2 * ADDRESS), last);
    }
}
