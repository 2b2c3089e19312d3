//! Splits a stream into chunks of random size, and writes to a connection in small pieces. So a process that is killed
//! meanwhile has usually written only a part of a line, chunk or frame.

use std::{
    io, iter,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// Maximum sizes of a chunk in bytes. Each chunk chooses one of them.
const MAX_CHUNK_SIZES: [usize; 3] = [4, 60, MAX_CHUNK_BYTES];
const MAX_CHUNK_BYTES: usize = 1_500;

/// Duration of a pause between two writes.
const WRITE_PAUSE: Duration = Duration::from_millis(1);

/// Connection that writes few bytes at a time, and sometimes pauses.
#[derive(Debug)]
pub(super) struct ChunkedWriter {
    connection: TcpStream,
    rng: Rng,
    pause: Option<Pin<Box<Sleep>>>,
}

impl ChunkedWriter {
    pub(super) fn new(connection: TcpStream, rng: Rng) -> Self {
        Self {
            connection,
            rng,
            pause: None,
        }
    }
}

/// Splits the bytes of all blocks into chunks. A chunk may contain parts of several blocks.
pub(super) fn random_chunks(
    mut blocks: impl Iterator<Item = String>,
    mut rng: Rng,
) -> impl Iterator<Item = Bytes> {
    let mut ready = BytesMut::new();
    iter::from_fn(move || {
        while ready.len() < MAX_CHUNK_BYTES
            && let Some(block) = blocks.next()
        {
            ready.extend_from_slice(block.as_bytes());
        }
        let size = chunk(&ready, &mut rng).len();
        (size > 0).then(|| ready.split_to(size).freeze())
    })
}

impl AsyncWrite for ChunkedWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        let chunk = chunk(bytes, &mut this.rng);
        let written = ready!(Pin::new(&mut this.connection).poll_write(cx, chunk));
        if this.rng.u8(..16) == 0 {
            this.pause = Some(Box::pin(sleep(WRITE_PAUSE)));
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

impl AsyncRead for ChunkedWriter {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(cx, buffer)
    }
}

/// Returns a random number of the first bytes. Often cuts after a CR, because a random cut would seldom separate CR and
/// LF.
fn chunk<'b>(bytes: &'b [u8], rng: &mut Rng) -> &'b [u8] {
    let max = MAX_CHUNK_SIZES[rng.usize(..MAX_CHUNK_SIZES.len())];
    let chunk = &bytes[..rng.usize(1..=max).min(bytes.len())];
    match memchr::memchr(b'\r', chunk) {
        Some(index) if rng.bool() => &chunk[..=index],
        _ => chunk,
    }
}
