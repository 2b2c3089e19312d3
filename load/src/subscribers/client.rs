//! Connection of one subscriber.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    process,
};

use anyhow::{Context as _, Result, bail, ensure};
use mio::{Interest, Registry, Token, net::TcpStream};
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use crate::commands::END_MARK;

/// Number of clients with the same local address. An address has only 28,000 ports.
const CLIENTS_PER_ADDRESS: usize = 20_000;

/// Receive buffer of a [stalled](Kind::Stalled) client, in bytes. The kernel uses twice this size.
const STALLED_BUFFER_BYTES: usize = 2048;

/// Maximum segment size of a stalled client, as on Ethernet. With it, the kernel of the server keeps about 100 KB for
/// a client. With the segments of the loopback interface it keeps 2.5 MB, which would not fill up.
const STALLED_SEGMENT_BYTES: u32 = 1460;

/// End of the head of a response.
const HEAD_END: &[u8; 4] = b"\r\n\r\n";

/// Handling of the bytes that a client receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Counts the events.
    Counted,
    /// Counts the events and keeps the bytes.
    Kept,
    /// Does not read, and has a small receive buffer.
    Stalled,
}

/// State of a connection.
#[derive(Debug)]
pub(super) struct Client {
    connection: TcpStream,
    asked: bool,
    /// Number of bytes of [`HEAD_END`] that were received.
    head: usize,
    /// Number of received events.
    pub(super) events: u64,
    /// True if the server has closed the connection.
    pub(super) ended: bool,
    /// Received bytes after the head, if they are kept.
    pub(super) body: Option<Vec<u8>>,
}

impl Client {
    /// Starts to connect. The number of the token is the index of the client.
    pub(super) fn begin(port: u16, token: Token, registry: &Registry, kind: Kind) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if kind == Kind::Stalled {
            socket.set_recv_buffer_size(STALLED_BUFFER_BYTES)?;
            socket.set_tcp_mss(STALLED_SEGMENT_BYTES)?;
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

    /// Stops watching the connection.
    pub(super) fn ignore(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.connection)
    }

    /// Returns true if the head of the response was received.
    pub(super) fn is_open(&self) -> bool {
        self.head == HEAD_END.len()
    }

    /// Sends the request, only once.
    pub(super) fn send_request(&mut self, request: &[u8]) -> Result<()> {
        if !self.asked {
            let written = self.connection.write(request).context("cannot send")?;
            ensure!(written == request.len(), "the request did not fit");
            self.asked = true;
        }
        Ok(())
    }

    /// Reads the available bytes, and the end if the server has `closed` the stream. Returns the number of events.
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
            // A short read means that nothing is left. The poll reports new bytes.
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
        self.events += memchr::memchr_iter(END_MARK, bytes).count() as u64;
        if let Some(body) = &mut self.body {
            body.extend_from_slice(bytes);
        }
    }
}

/// Returns the local address of the client with this index, or `None` if the kernel chooses it.
///
/// The kernel chooses it for the first clients, because it can use one port for several servers. The addresses of the
/// others depend on the process ID. So they do not conflict with those of an earlier run, which the kernel may still
/// hold.
fn address(index: usize) -> Option<Ipv4Addr> {
    let block = u8::try_from(index / CLIENTS_PER_ADDRESS).unwrap_or(u8::MAX);
    let [.., a, b] = process::id().to_be_bytes();
    // Never 127.0, which the first clients use.
    (block > 0).then(|| Ipv4Addr::new(127, a.max(1), b, block))
}

#[cfg(test)]
mod tests {
    use super::{CLIENTS_PER_ADDRESS, address};

    #[test]
    fn many_clients_come_from_many_addresses() {
        assert_eq!(address(CLIENTS_PER_ADDRESS - 1), None);
        let last = address(2 * CLIENTS_PER_ADDRESS - 1);
        assert!(last.is_some_and(|address| address.is_loopback()));
        assert_eq!(address(CLIENTS_PER_ADDRESS), last);
        assert_ne!(address(2 * CLIENTS_PER_ADDRESS), last);
    }
}
