//! Connections that limit the bytes before the head of a response.
//!
//! hyper accepts any number of informational responses (1xx) before the final one, and over HTTP/2 also other frames.
//! It reads as long as there is something to read. So while a request waits for its response, both the bytes per turn
//! and the bytes in total have a limit.

use core::{
    error, fmt,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, ready},
};
use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

use crate::turn::Turn;

/// Maximum number of bytes before the head of a response is complete. Over HTTP/2, the data of other streams does not
/// count.
const MAX_BYTES_BEFORE_HEAD: usize = 512 * 1024;

/// Maximum number of bytes of one read while a request waits for its response.
const MAX_READ_BYTES_BEFORE_HEAD: usize = 4 * 1024;

/// Maximum number of bytes of one read otherwise.
const MAX_READ_BYTES: usize = 16 * 1024;

/// Bytes per unit of work. A turn has 16 units, so it is 32 KiB over HTTP/2.
const WORK_UNIT_BYTES: usize = 2 * 1024;

/// Additional cost of each byte that is not data. So [`MAX_READ_BYTES_BEFORE_HEAD`] is a turn before the head, and over
/// HTTP/2 about 400 small frames are a turn.
const OVERHEAD_COST: usize = 8;

/// Counter of the bytes that a connection receives before the heads of responses.
///
/// It is an extension of each response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<MeterCounts>);

#[derive(Debug, Default)]
struct MeterCounts {
    /// Number of requests that wait for the head of their response.
    waiting: AtomicUsize,
    /// Number of bytes received since the last of them was sent.
    bytes: AtomicUsize,
}

impl Meter {
    /// Counts a request that is sent. It waits until the guard is dropped.
    pub(crate) fn wait(&self) -> Waiting {
        self.0.bytes.store(0, Ordering::Relaxed);
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self.clone())
    }

    fn is_waited_for(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        let before = self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        match before.saturating_add(bytes) {
            0..=MAX_BYTES_BEFORE_HEAD => Ok(()),
            bytes => Err(io::Error::other(TooMuchBeforeHead(bytes))),
        }
    }
}

/// Guard of a request that waits for the head of its response.
#[derive(Debug)]
pub(crate) struct Waiting(Meter);

impl Waiting {
    /// Returns whether the request waits on this connection.
    pub(crate) fn is_on(&self, meter: &Meter) -> bool {
        Arc::ptr_eq(&self.0.0, &meter.0)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connection with a [`Meter`].
pub(crate) struct Metered<T> {
    inner: T,
    meter: Meter,
    /// `None` for HTTP/1.1.
    frames: Option<Frames>,
    /// Set if a proxy forwards the requests.
    is_forwarded: bool,
    turn: Turn,
}

impl<T: Connection> Metered<T> {
    pub(crate) fn new(inner: T, is_http2: bool, is_forwarded: bool) -> Self {
        let is_http2 = is_http2 || inner.connected().is_negotiated_h2();
        Self {
            inner,
            meter: Meter::default(),
            frames: is_http2.then(Frames::default),
            is_forwarded,
            turn: Turn::with_unit(WORK_UNIT_BYTES),
        }
    }
}

impl<T: Connection> Connection for Metered<T> {
    fn connected(&self) -> Connected {
        let connected = self.inner.connected().proxy(self.is_forwarded);
        connected.extra(self.meter.clone())
    }
}

impl<T: Read + Unpin> Read for Metered<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let inner = Pin::new(&mut this.inner);
        let is_waited_for = this.meter.is_waited_for();
        if !is_waited_for && this.frames.is_none() {
            return inner.poll_read(cx, to);
        }
        ready!(this.turn.poll(cx));
        let mut bytes = [0; MAX_READ_BYTES];
        let limit = match is_waited_for {
            true => MAX_READ_BYTES_BEFORE_HEAD,
            false => MAX_READ_BYTES,
        };
        let limit = limit.min(to.remaining());
        let mut read = ReadBuf::new(&mut bytes[..limit]);
        let Poll::Ready(result) = inner.poll_read(cx, read.unfilled()) else {
            this.turn.end();
            return Poll::Pending;
        };
        let bytes = read.filled();
        to.put_slice(bytes);
        let overhead = match &mut this.frames {
            Some(frames) => frames.overhead(bytes),
            None => bytes.len(),
        };
        this.turn.add(bytes.len() + overhead * OVERHEAD_COST);
        if is_waited_for {
            this.meter.count(overhead)?;
        }
        Poll::Ready(result)
    }
}

impl<T: Write + Unpin> Write for Metered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
    }
}

/// Parser that separates the payload of DATA frames from the rest of an HTTP/2 connection
/// ([RFC 9113, 4.1](https://www.rfc-editor.org/rfc/rfc9113#section-4.1)).
#[derive(Debug, Default)]
struct Frames {
    header: [u8; 9],
    /// Number of bytes of the header that have arrived.
    filled: usize,
    /// Number of bytes of the payload that are still missing.
    left: usize,
}

impl Frames {
    /// Returns the number of bytes that are not payload of DATA frames.
    fn overhead(&mut self, mut bytes: &[u8]) -> usize {
        const DATA: u8 = 0;
        let mut count = 0;
        while !bytes.is_empty() {
            let wanted = match self.left {
                0 => self.header.len() - self.filled,
                left => left,
            };
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.left > 0 {
                self.left -= part.len();
                if self.header[3] != DATA {
                    count += part.len();
                }
                continue;
            }
            self.header[self.filled..][..part.len()].copy_from_slice(part);
            self.filled += part.len();
            count += part.len();
            if self.filled == self.header.len() {
                let [high, middle, low, ..] = self.header;
                self.left = u32::from_be_bytes([0, high, middle, low]) as usize;
                self.filled = 0;
            }
        }
        count
    }
}

/// Error for a response whose head does not arrive within the limit.
#[derive(Debug)]
struct TooMuchBeforeHead(usize);

impl fmt::Display for TooMuchBeforeHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0;
        write!(
            f,
            "no response head after {count} bytes, limit is {MAX_BYTES_BEFORE_HEAD}"
        )
    }
}

impl error::Error for TooMuchBeforeHead {}

#[cfg(test)]
mod tests {
    use super::Frames;

    #[test]
    fn only_the_payload_of_data_does_not_count() {
        let data = [&[0, 0, 5, 0, 0, 0, 0, 0, 1][..], b"12345"].concat();
        let headers = [&[0, 0, 3, 1, 4, 0, 0, 0, 1][..], b"abc"].concat();
        let ping = [0, 0, 0, 6, 0, 0, 0, 0, 0];
        let all = [&headers[..], &data, &ping, &data, &headers].concat();
        for size in 1..=all.len() {
            let mut frames = Frames::default();
            let count: usize = all.chunks(size).map(|chunk| frames.overhead(chunk)).sum();
            assert_eq!(count, all.len() - 10, "chunks of {size}");
        }
    }
}
