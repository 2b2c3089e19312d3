//! A stream in chunks of any size, and a connection that is written to bit by bit: whoever dies
//! meanwhile has written anything but a whole.

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

/// How many bytes a crumb has at most: few, some or many.
const SIZES: [usize; 3] = [4, 60, MANY];
const MANY: usize = 1_500;

/// How long it stops now and then.
const PAUSE: Duration = Duration::from_millis(1);

/// Writes few bytes at a time, and stops now and then.
#[derive(Debug)]
pub(super) struct Crumbs {
    connection: TcpStream,
    rng: Rng,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Crumbs {
    pub(super) fn new(connection: TcpStream, rng: Rng) -> Self {
        Self {
            connection,
            rng,
            pause: None,
        }
    }
}

/// The bytes of a stream in crumbs, whatever blocks they come from.
pub(super) fn crumbs(
    mut blocks: impl Iterator<Item = String>,
    mut rng: Rng,
) -> impl Iterator<Item = Bytes> {
    let mut ready = BytesMut::new();
    iter::from_fn(move || {
        while ready.len() < MANY
            && let Some(block) = blocks.next()
        {
            ready.extend_from_slice(block.as_bytes());
        }
        let size = crumb(&ready, &mut rng).len();
        (size > 0).then(|| ready.split_to(size).freeze())
    })
}

impl AsyncWrite for Crumbs {
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
        let crumb = crumb(bytes, &mut this.rng);
        let written = ready!(Pin::new(&mut this.connection).poll_write(cx, crumb));
        if this.rng.u8(..16) == 0 {
            this.pause = Some(Box::pin(sleep(PAUSE)));
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

impl AsyncRead for Crumbs {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(cx, buffer)
    }
}

/// The first of these bytes. Chance alone would seldom part CR and LF.
fn crumb<'b>(bytes: &'b [u8], rng: &mut Rng) -> &'b [u8] {
    let most = SIZES[rng.usize(..SIZES.len())];
    let crumb = &bytes[..rng.usize(1..=most).min(bytes.len())];
    match memchr::memchr(b'\r', crumb) {
        Some(place) if rng.bool() => &crumb[..=place],
        _ => crumb,
    }
}
