//! Connection to a client, and the ways in which it ends.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use socket2::SockRef;

use crate::script::Then;

/// Time in which the client reads the earlier bytes, before the connection breaks.
///
/// When a connection breaks, a browser drops all bytes of the body that it has not read yet.
const READ_DELAY: Duration = Duration::from_millis(30);

pub(crate) struct Peer {
    connection: TcpStream,
    drip: Option<Duration>,
}

impl Peer {
    pub(crate) fn new(connection: TcpStream) -> io::Result<Self> {
        connection.set_nodelay(true)?;
        let drip = None;
        Ok(Self { connection, drip })
    }

    /// Sets the pause after each byte. If it is set, each byte of a body is sent alone.
    pub(crate) fn drip(&mut self, pause: Option<Duration>) {
        self.drip = pause;
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.write_all(bytes)
    }

    /// Writes a part of a body whose length is not known, as one or more chunks.
    pub(crate) fn write_part(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(pause) = self.drip else {
            return self.write_chunk(bytes);
        };
        for byte in bytes {
            self.write_chunk(&[*byte])?;
            self.wait(pause)?;
        }
        Ok(())
    }

    fn write_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let size = format!("{:X}\r\n", bytes.len());
        self.write(&[size.as_bytes(), bytes, b"\r\n"].concat())
    }

    /// Waits for this time. Returns an error if the client disconnects during it.
    pub(crate) fn wait(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.connection.set_read_timeout(Some(left))?;
            match self.connection.read(&mut [0; 64]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if !is_timeout(&error) => return Err(error),
                _ => {}
            }
        }
    }

    /// Ends the body in this way. Returns an error if the client disconnects before.
    pub(crate) fn end(&mut self, how: Then) -> io::Result<()> {
        match how {
            Then::End => self.write(b"0\r\n\r\n"),
            Then::Fin => {
                self.wait(READ_DELAY)?;
                self.connection.shutdown(Shutdown::Write)
            }
            Then::Rst => {
                self.wait(READ_DELAY)?;
                SockRef::from(&self.connection).set_linger(Some(Duration::ZERO))
            }
            Then::Silence => loop {
                self.wait(Duration::from_secs(3600))?;
            },
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
