//! Connection of a client: the socket that hyper reads and writes, with time limits for requests and detection of
//! clients that are gone.
//!
//! # A note to the next reader
//!
//! hyper has one time limit for the head of a request, which starts when the connection becomes idle. A proxy keeps
//! idle connections for a minute or more, but a head must arrive faster. So [`HeadTimer`] gives hyper a timer for the
//! end of the idle time, which fires earlier after the first byte of a head.
//!
//! A client that closes its writing half may still read: `nc -N` does that after its request. TCP cannot distinguish
//! it from a client that is gone, until the server writes. So hyper answers each complete request (`half_close`), and
//! does not watch for the end of the client meanwhile. A stream must watch, because it would continue for long without
//! a client. [`Connection::poll_flush`] detects the end, and [`ProbingSubscription`] then sends two comments. A client
//! that is gone answers the first comment with a reset, so the second one cannot be written.
//!
//! Only connections of plain TCP need this. A client of TLS, HTTP/2 or a Unix socket that closes its writing half is
//! gone, and hyper detects its end.

use core::{
    mem,
    net::SocketAddr,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};
use std::{
    io::{self, IoSlice},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::{Buf as _, Bytes};
use futures_util::Stream;
use hyper::rt::{Sleep, Timer};
use sse_hub::Subscription;
use sse_hyper::Encoded;
use sse_proto::Comment;
use sse_reactor::IntoSocket;
use tokio::{
    io::{AsyncRead, AsyncWrite, Empty, ReadBuf, empty},
    net::TcpStream,
    time,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::either::Either;

/// Maximum time from the first byte of a request to the end of its head. It is also the maximum time from the start of
/// a connection to its first request.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Time between the two comments that probe whether a client is gone. Its reset must arrive within this time.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Address of a client, or of its proxy. It is an extension of each request, except over a Unix socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

impl PeerAddress {
    /// Returns the address of the other end of a connection. `None` if the connection is gone.
    pub(crate) fn of(socket: &TcpStream) -> Option<Self> {
        let peer = socket.peer_addr().ok()?;
        Some(Self(SocketAddr::new(peer.ip().to_canonical(), peer.port())))
    }
}

/// State that the parts of a connection share.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    /// Time at which the first byte of the next request arrived.
    first_byte: Mutex<Option<Instant>>,
    /// The response is an event stream.
    has_stream: AtomicBool,
    /// The client has closed its writing half while it had a stream.
    client_has_ended: AtomicBool,
}

impl ConnectionState {
    fn first_byte(&self) -> Option<Instant> {
        *self
            .first_byte
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn set_first_byte(&self, time: Option<Instant>) {
        *self
            .first_byte
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = time;
    }
}

/// Socket that fails when nothing can be written for the write timeout.
pub(crate) type TimedSocket<S> = Pin<Box<TimeoutStream<S>>>;

/// Sets the write timeout of a socket.
pub(crate) fn with_write_timeout<S>(socket: S, write_timeout: Duration) -> TimedSocket<S>
where
    S: AsyncRead + AsyncWrite,
{
    let mut socket = TimeoutStream::new(socket);
    socket.set_write_timeout(Some(write_timeout));
    Box::pin(socket)
}

/// Connection of plain TCP. Its socket is replaced by an empty stream when it is taken out.
pub(crate) type PlainSocket = TimedSocket<Either<TcpStream, Empty>>;

/// Connection, which hyper reads and writes.
pub(crate) struct Connection<Io> {
    io: Io,
    /// Bytes that were read before.
    read_ahead: Bytes,
    state: Arc<ConnectionState>,
}

impl<Io> Connection<Io> {
    /// Creates a connection that begins with bytes that were already read.
    pub(crate) fn new(io: Io, read_ahead: Bytes) -> Self {
        Self {
            io,
            read_ahead,
            state: Arc::default(),
        }
    }

    pub(crate) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }
}

impl Connection<PlainSocket> {
    /// Creates a connection of plain TCP, whose socket can be handed over.
    pub(crate) fn plain(socket: TcpStream, read_ahead: Bytes, write_timeout: Duration) -> Self {
        Self::new(
            with_write_timeout(Either::Left(socket), write_timeout),
            read_ahead,
        )
    }
}

impl<Io: PollClientEnd> Connection<Io> {
    /// Records whether a client with a stream has closed its writing half.
    fn check_client(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let state = &self.state;
        if !state.has_stream.load(Ordering::Relaxed)
            || state.client_has_ended.load(Ordering::Relaxed)
        {
            return Ok(());
        }
        if self.io.poll_client_end(cx)?.is_ready() {
            state.client_has_ended.store(true, Ordering::Relaxed);
            // Wakes the stream, so that it checks the flag.
            cx.waker().wake_by_ref();
        }
        Ok(())
    }
}

/// Connection whose client may close its writing half and still read.
pub(crate) trait PollClientEnd {
    /// Completes when the client has closed its writing half. It never does if hyper detects that.
    fn poll_client_end(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl PollClientEnd for PlainSocket {
    fn poll_client_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Either::Left(socket) = self.get_ref() else {
            return Poll::Pending;
        };
        let mut byte = [0];
        match ready!(socket.poll_peek(cx, &mut ReadBuf::new(&mut byte)))? {
            0 => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }
}

impl IntoSocket for Connection<PlainSocket> {
    fn into_socket(mut self) -> Option<TcpStream> {
        let socket = self.io.as_mut().get_pin_mut().get_mut();
        match mem::replace(socket, Either::Right(empty())) {
            Either::Left(socket) => Some(socket),
            Either::Right(_) => None,
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Connection<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.read_ahead.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        } else {
            let count = self.read_ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.read_ahead[..count]);
            self.read_ahead.advance(count);
        }
        if buffer.filled().len() > before && self.state.first_byte().is_none() {
            self.state.set_first_byte(Some(Instant::now()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + PollClientEnd + Unpin> AsyncWrite for Connection<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        Poll::Ready(self.check_client(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// Timer of a connection, which hyper uses only for the heads of requests.
pub(crate) struct HeadTimer {
    state: Arc<ConnectionState>,
    /// No request has come yet.
    is_new: AtomicBool,
}

impl HeadTimer {
    pub(crate) fn new(state: &Arc<ConnectionState>) -> Self {
        Self {
            state: Arc::clone(state),
            is_new: AtomicBool::new(true),
        }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    /// Returns a timer for the next head, which fires at the end of the idle time or earlier.
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.state.set_first_byte(None);
        let deadline = match self.is_new.swap(false, Ordering::Relaxed) {
            true => deadline.min(self.now() + HEAD_TIMEOUT),
            false => deadline,
        };
        Box::pin(HeadSleep {
            state: Arc::clone(&self.state),
            deadline,
            sleep: Box::pin(time::sleep_until(deadline.into())),
        })
    }

    fn now(&self) -> Instant {
        time::Instant::now().into()
    }
}

struct HeadSleep {
    state: Arc<ConnectionState>,
    /// End of the idle time.
    deadline: Instant,
    sleep: Pin<Box<time::Sleep>>,
}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(first_byte) = self.state.first_byte() {
            let deadline = first_byte + HEAD_TIMEOUT;
            if deadline != self.deadline {
                self.deadline = deadline;
                self.sleep.as_mut().reset(deadline.into());
            }
        }
        self.sleep.as_mut().poll(cx)
    }
}

impl Sleep for HeadSleep {}

/// Subscription that probes whether its client is gone.
pub(crate) struct ProbingSubscription {
    subscription: Subscription,
    state: Option<Arc<ConnectionState>>,
    /// Timer of the next comment.
    sleep: Option<Pin<Box<time::Sleep>>>,
    /// Number of comments that are still to be sent.
    comments_left: u8,
}

impl ProbingSubscription {
    /// Wraps a subscription, and starts to watch the connection, if there is one.
    pub(crate) fn new(subscription: Subscription, state: Option<Arc<ConnectionState>>) -> Self {
        if let Some(state) = &state {
            state.has_stream.store(true, Ordering::Relaxed);
        }
        Self {
            subscription,
            state,
            sleep: None,
            comments_left: 2,
        }
    }
}

impl Stream for ProbingSubscription {
    type Item = Encoded;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        if let Poll::Ready(item) = Pin::new(&mut self.subscription).poll_next(cx) {
            return Poll::Ready(item);
        }
        let client_has_ended =
            |state: &Arc<ConnectionState>| state.client_has_ended.load(Ordering::Relaxed);
        if self.comments_left == 0 || !self.state.as_ref().is_some_and(client_has_ended) {
            return Poll::Pending;
        }
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
        }
        self.comments_left -= 1;
        self.sleep = Some(Box::pin(time::sleep(PROBE_INTERVAL)));
        Poll::Ready(Some(Encoded::from(Comment::default())))
    }
}

impl Drop for ProbingSubscription {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            state.has_stream.store(false, Ordering::Relaxed);
        }
    }
}
