//! Connection of HTTP/1.1: hyper serves it until a response is the stream of a hub.
//!
//! # A note to the next reader
//!
//! hyper reads and checks the request, and writes the head of the response and its first comment. [`FirstFrame`] is the
//! body until then. Its second poll means that hyper has the first comment, and the flush of the socket after that means
//! that the kernel has it. Then the parts of hyper's connection are taken: the socket and the bytes that hyper has read
//! after the request.

use core::{
    error::Error,
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::{
    io::{self, IoSlice},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::{Buf, Bytes};
use headers::HeaderMapExt as _;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use sse_hub::Subscription;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};

use crate::{ConnectionHandler, Reactor, hand_off, reactor::NewStream};

/// First bytes of a stream: an empty comment.
const FIRST_COMMENT: &[u8] = b":\n\n";

/// Returns the first bytes of a stream, which may be compressed.
fn first_frame(_is_gzip: bool) -> Bytes {
    #[cfg(feature = "gzip")]
    if _is_gzip {
        let comment = sse_proto::deflate(FIRST_COMMENT);
        return [&sse_proto::GZIP_HEADER[..], &comment].concat().into();
    }
    Bytes::from_static(FIRST_COMMENT)
}

/// State that the parts of a connection share.
#[derive(Default)]
struct State(Mutex<Progress>);

/// Progress of a response that is handed to the event loop.
#[derive(Default)]
enum Progress {
    /// There is no such response.
    #[default]
    None,
    /// The head or the first comment is not written yet.
    Pending(Pending),
    /// hyper has the first comment.
    Buffered(Pending),
    /// The kernel has the first comment.
    Written(Pending),
}

/// Stream that the event loop will continue.
struct Pending {
    subscription: Subscription,
    is_gzip: bool,
    closes: bool,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        // The values are replaced as a whole, so a panic leaves no partial change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the progress with this function.
    fn update(&self, next: impl FnOnce(Progress) -> Progress) {
        let mut progress = self.lock();
        *progress = next(mem::take(&mut progress));
    }

    fn take_written(&self) -> Option<Pending> {
        let mut progress = self.lock();
        match mem::take(&mut *progress) {
            Progress::Written(pending) => Some(pending),
            other => {
                *progress = other;
                None
            }
        }
    }
}

/// Socket of a connection, which hyper reads and writes.
struct Socket<Io> {
    io: Io,
    /// Bytes that were read before.
    read_ahead: Bytes,
    state: Arc<State>,
}

impl<Io: AsyncRead + Unpin> AsyncRead for Socket<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read_ahead.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let count = self.read_ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.read_ahead[..count]);
        self.read_ahead.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Socket<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    /// hyper flushes the socket after it has written everything that it has.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.state.update(|progress| match progress {
            Progress::Buffered(pending) => Progress::Written(pending),
            other => other,
        });
        Poll::Ready(Ok(()))
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

pin_project! {
    /// Body of a request, as a service of [`serve_connection`] gets it.
    #[derive(Debug)]
    pub struct RequestBody {
        #[pin]
        body: Incoming,
        // Set at the end of the body. `None` if the request has no body.
        has_ended: Option<Arc<AtomicBool>>,
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        let is_last = frame.is_none() || this.body.is_end_stream();
        if is_last && let Some(has_ended) = &this.has_ended {
            has_ended.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pin_project! {
    /// Body of a response.
    #[project = ResponseBodyProjection]
    enum ResponseBody<B> {
        /// The response stays with hyper.
        Service { #[pin] body: B },
        /// The event loop continues the response after its first frame.
        FirstFrame { frame: Option<Bytes>, state: Arc<State> },
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project() {
            ResponseBodyProjection::Service { body } => body.poll_frame(cx),
            ResponseBodyProjection::FirstFrame { frame, state } => {
                if let Some(frame) = frame.take() {
                    return Poll::Ready(Some(Ok(Frame::data(frame))));
                }
                state.update(|progress| match progress {
                    Progress::Pending(pending) => Progress::Buffered(pending),
                    other => other,
                });
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Service { body } => body.is_end_stream(),
            Self::FirstFrame { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Service { body } => body.size_hint(),
            Self::FirstFrame { .. } => SizeHint::default(),
        }
    }
}

/// Service that takes the streams of a hub out of the responses.
struct HandOffService<S> {
    service: S,
    state: Arc<State>,
}

impl<S, B> Service<Request<Incoming>> for HandOffService<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let body_has_ended =
            (!request.body().is_end_stream()).then(|| Arc::new(AtomicBool::new(false)));
        let has_ended = body_has_ended.clone();
        let can_hand_over =
            request.version() == Version::HTTP_11 && request.method() != Method::HEAD;
        let closes = closes(request.headers());
        let request = request.map(|body| RequestBody { body, has_ended });
        ResponseFuture {
            response: self.service.call(request),
            can_hand_over,
            closes,
            body_has_ended,
            state: Arc::clone(&self.state),
        }
    }
}

/// Returns whether the connection ends with this message.
fn closes(headers: &HeaderMap) -> bool {
    let connection = headers.typed_get::<headers::Connection>();
    connection.is_some_and(|connection| connection.contains("close"))
}

pin_project! {
    struct ResponseFuture<F> {
        #[pin]
        response: F,
        can_hand_over: bool,
        closes: bool,
        body_has_ended: Option<Arc<AtomicBool>>,
        state: Arc<State>,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.response.poll(cx))?;
        // hyper still reads a body that has not ended.
        let has_ended = |has_ended: &Arc<AtomicBool>| has_ended.load(Ordering::Relaxed);
        let can_hand_over =
            *this.can_hand_over && this.body_has_ended.as_ref().is_none_or(has_ended);
        let subscription = can_hand_over
            .then(|| hand_off::take(&mut response))
            .flatten();
        let Some((subscription, is_gzip)) = subscription else {
            return Poll::Ready(Ok(response.map(|body| ResponseBody::Service { body })));
        };
        let closes = *this.closes || closes(response.headers());
        this.state.update(|_| {
            Progress::Pending(Pending {
                subscription,
                is_gzip,
                closes,
            })
        });
        let state = Arc::clone(this.state);
        Poll::Ready(Ok(response.map(|_| ResponseBody::FirstFrame {
            frame: Some(first_frame(is_gzip)),
            state,
        })))
    }
}

/// Connection from which the socket can be taken, for example a [`TcpStream`] with timeouts.
///
/// All bytes that it has accepted must be written to the socket when it is flushed.
pub trait IntoSocket {
    /// Returns the socket. With `None`, the connection ends.
    fn into_socket(self) -> Option<TcpStream>;
}

impl IntoSocket for TcpStream {
    fn into_socket(self) -> Option<TcpStream> {
        Some(self)
    }
}

/// Service of hyper that [`serve_connection`] takes, with a body of [`Bytes`]. All such services implement this trait.
pub trait HttpService:
    Service<
        Request<RequestBody>,
        Response = Response<Self::ResponseBody>,
        Error: Into<Box<dyn Error + Send + Sync>>,
    > + Unpin
{
    /// Body of the responses.
    type ResponseBody: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Unpin,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type ResponseBody = B;
}

/// Connection that hyper serves, until its response is the stream of a hub. [`serve_connection`] creates it.
///
/// The future completes when the connection has ended or is handed to the event loop.
#[must_use = "futures do nothing unless polled"]
pub struct Connection<Io, S: HttpService> {
    /// `None` after the future has completed.
    connection: Option<HyperConnection<Io, S>>,
    state: Arc<State>,
    reactor: Reactor,
    handler: Arc<dyn ConnectionHandler>,
    permit: Option<OwnedSemaphorePermit>,
}

type HyperConnection<Io, S> = http1::Connection<TokioIo<Socket<Io>>, HandOffService<S>>;

/// Serves a connection of HTTP/1.1 with hyper, and hands it to the event loop when a response is a stream of a hub.
///
/// Such a response comes from [`Reactor::respond`]. All others stay with hyper, and so do these:
///
/// - the response to `HEAD`, and to a request of HTTP/1.0;
/// - a response whose request has a body that was not read to its end;
/// - a response with a `Content-Encoding`, because a layer may have changed the body.
///
/// A layer that only wraps the body is dropped with the body when the connection is handed over.
///
/// `builder` is the configuration of hyper. `read_ahead` are bytes that were already read from the connection.
/// `handler` gets the connection back when the stream has ended and the client may send another request. `permit` is
/// dropped when the connection ends, by hyper or by the event loop. So a semaphore limits the number of connections,
/// and a server knows when all have ended.
pub fn serve_connection<Io, S>(
    reactor: &Reactor,
    builder: &http1::Builder,
    io: Io,
    read_ahead: Bytes,
    service: S,
    handler: Arc<dyn ConnectionHandler>,
    permit: Option<OwnedSemaphorePermit>,
) -> Connection<Io, S>
where
    Io: AsyncRead + AsyncWrite + IntoSocket + Unpin,
    S: HttpService,
{
    let state = Arc::<State>::default();
    let socket = Socket {
        io,
        read_ahead,
        state: Arc::clone(&state),
    };
    let service = HandOffService {
        service,
        state: Arc::clone(&state),
    };
    Connection {
        connection: Some(builder.serve_connection(TokioIo::new(socket), service)),
        state,
        reactor: reactor.clone(),
        handler,
        permit,
    }
}

impl<Io, S> Connection<Io, S>
where
    Io: AsyncRead + AsyncWrite + IntoSocket + Unpin,
    S: HttpService,
{
    /// Ends the connection after the current response, as
    /// [`http1::Connection::graceful_shutdown`] does.
    ///
    /// It has no effect on a connection that is handed over: close its stream by the hub or the tracker.
    pub fn graceful_shutdown(self: Pin<&mut Self>) {
        if let Some(connection) = &mut self.get_mut().connection {
            Pin::new(connection).graceful_shutdown();
        }
    }
}

impl<Io, S> Future for Connection<Io, S>
where
    Io: AsyncRead + AsyncWrite + IntoSocket + Unpin,
    S: HttpService,
{
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        let this = self.get_mut();
        let Some(connection) = &mut this.connection else {
            return Poll::Ready(Ok(()));
        };
        if let Poll::Ready(result) = Pin::new(connection).poll(cx) {
            this.connection = None;
            this.permit = None;
            return Poll::Ready(result);
        }
        let Some(Pending {
            subscription,
            is_gzip,
            closes,
        }) = this.state.take_written()
        else {
            return Poll::Pending;
        };
        if let Some(connection) = this.connection.take() {
            let parts = connection.into_parts();
            let Socket { io, read_ahead, .. } = parts.io.into_inner();
            let Some(socket) = io.into_socket() else {
                return Poll::Ready(Ok(()));
            };
            let added = this.reactor.add(NewStream {
                socket,
                subscription,
                is_gzip,
                read_ahead: join(parts.read_buf, read_ahead),
                closes,
                handler: Arc::clone(&this.handler),
                permit: this.permit.take(),
            });
            if let Err(error) = added {
                tracing::warn!(%error, "cannot hand a connection over");
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn join(first: Bytes, second: Bytes) -> Bytes {
    match (first.is_empty(), second.is_empty()) {
        (_, true) => first,
        (true, _) => second,
        _ => [first, second].concat().into(),
    }
}

impl<Io, S: HttpService> fmt::Debug for Connection<Io, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("has_ended", &self.connection.is_none())
            .finish_non_exhaustive()
    }
}
