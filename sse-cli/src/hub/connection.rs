//! Connection of a client: the socket that hyper reads and writes, with time limits for requests and detection of
//! clients that are gone, and the bodies of requests.
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

use core::{
    mem,
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

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::rt::{Sleep, Timer};
use sse_hub::Subscription;
use sse_hyper::Encoded;
use sse_proto::Comment;
use sse_reactor::IntoSocket;
use tokio::{
    io::{AsyncRead, AsyncWrite, Empty, ReadBuf, empty},
    net::TcpStream,
    runtime::Handle,
    time::{self, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::either::Either;

/// Maximum time from the first byte of a request to the end of its head. It is also the maximum time from the start of
/// a connection to its first request.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Time between the two comments that probe whether a client is gone. Its reset must arrive within this time.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Time for which the rest of a body is read and discarded. Then the connection is closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

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

/// Socket of a connection, which hyper reads and writes.
pub(crate) struct Connection {
    /// The socket with its write timeout. It is replaced by an empty stream when it is taken out.
    socket: Pin<Box<TimeoutStream<Either<TcpStream, Empty>>>>,
    state: Arc<ConnectionState>,
}

impl Connection {
    /// Creates a connection that fails when nothing can be written for this time.
    pub(crate) fn new(socket: TcpStream, write_timeout: Duration) -> Self {
        let mut socket = TimeoutStream::new(Either::Left(socket));
        socket.set_write_timeout(Some(write_timeout));
        Self {
            socket: Box::pin(socket),
            state: Arc::default(),
        }
    }

    pub(crate) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    /// Records whether a client with a stream has closed its writing half.
    fn check_client(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let state = &self.state;
        if !state.has_stream.load(Ordering::Relaxed)
            || state.client_has_ended.load(Ordering::Relaxed)
        {
            return Ok(());
        }
        let Either::Left(socket) = self.socket.get_ref() else {
            return Ok(());
        };
        let mut byte = [0];
        let peeked = socket.poll_peek(cx, &mut ReadBuf::new(&mut byte));
        if let Poll::Ready(0) = peeked? {
            state.client_has_ended.store(true, Ordering::Relaxed);
            // Wakes the stream, so that it checks the flag.
            cx.waker().wake_by_ref();
        }
        Ok(())
    }
}

impl IntoSocket for Connection {
    fn into_socket(mut self) -> Option<TcpStream> {
        let socket = self.socket.as_mut().get_pin_mut().get_mut();
        match mem::replace(socket, Either::Right(empty())) {
            Either::Left(socket) => Some(socket),
            Either::Right(_) => None,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.socket.as_mut().poll_read(cx, buffer))?;
        if buffer.filled().len() > before && self.state.first_byte().is_none() {
            self.state.set_first_byte(Some(Instant::now()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket.as_mut().poll_flush(cx))?;
        Poll::Ready(self.check_client(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket.as_mut().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
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

/// Body of a request. When it is dropped before its end, because the request is refused, a task reads and discards the
/// rest.
//
// > If a server performs an immediate close of a TCP connection, there is a significant risk that the
// > client will not be able to read the last HTTP response. … To avoid the TCP reset problem, servers
// > typically close a connection in stages.
//
// https://www.rfc-editor.org/rfc/rfc9112#section-9.6
pub(crate) struct RequestBody(Option<Incoming>);

/// Body of a request, as the server reads it.
type Incoming = sse_reactor::RequestBody;

impl RequestBody {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let rest = self.0.take_if(|body| !body.is_end_stream());
        // There is no runtime after the server has ended.
        let runtime = Handle::try_current();
        if let (Some(rest), Ok(runtime)) = (rest, runtime) {
            runtime.spawn(timeout(DRAIN_TIMEOUT, discard(rest)));
        }
    }
}

async fn discard(mut rest: Incoming) {
    while let Some(Ok(_)) = rest.frame().await {}
}
