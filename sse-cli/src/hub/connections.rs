//! Connections of the server: which protocol each of them speaks, and how it is served.
//!
//! | socket | HTTP/1.1 | HTTP/2 |
//! |---|---|---|
//! | TCP | `sse-reactor`, which takes the connections of streams over | by the first bytes |
//! | TCP with TLS | hyper | by ALPN |
//! | Unix | hyper | by the first bytes |

use core::{
    pin::{Pin, pin},
    time::Duration,
};
use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sse_reactor::{ConnectionHandler, Reactor, serve_connection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::timeout,
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::hub::{
    access::LocalSocket,
    connection::{
        Connection, HEAD_TIMEOUT, HeadTimer, PeerAddress, PollClientEnd, with_write_timeout,
    },
    http2::{self, StreamBody},
    listeners::{Socket, set_socket_options},
    protocol::{self, Protocol},
    request_body::RequestBody,
    response::Refusal,
    routes::respond,
    server::Server,
    tls::{ALPN_HTTP2, Tls},
};

/// Maximum size of the head of a request in bytes: the request line and all fields, with their line ends.
pub(crate) const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Maximum number of fields in the head of a request.
const MAX_HEAD_FIELDS: usize = 100;

/// Size of the read buffer in bytes, and maximum number of bytes that wait to be written to a client.
const BUFFER_BYTES: usize = 32 * 1024;

/// Limits of connections.
pub(crate) struct ConnectionLimits {
    /// Maximum number of open connections.
    pub(crate) max: usize,
    /// Time after which a connection is closed if nothing can be written to it.
    pub(crate) write_timeout: Duration,
    /// Maximum time that a connection waits for its next request.
    pub(crate) idle_timeout: Duration,
}

/// All connections of the server.
pub(crate) struct Connections {
    server: Arc<Server>,
    reactor: Reactor,
    /// Certificate for connections of TCP. `None` if they are not encrypted.
    tls: Option<Arc<Tls>>,
    limits: ConnectionLimits,
    /// The server is shutting down.
    closing: CancellationToken,
}

impl Connections {
    pub(crate) fn new(
        server: Arc<Server>,
        tls: Option<Arc<Tls>>,
        limits: ConnectionLimits,
        closing: CancellationToken,
    ) -> io::Result<Arc<Self>> {
        let reactor = match &server.reactor {
            Some(reactor) => reactor.clone(),
            None => Reactor::new(server.streams.clone())?,
        };
        Ok(Arc::new(Self {
            server,
            reactor,
            tls,
            limits,
            closing,
        }))
    }

    /// Serves a new connection in a task. The permit is held until its end.
    pub(crate) fn serve(self: Arc<Self>, socket: Socket, permit: Option<OwnedSemaphorePermit>) {
        match socket {
            Socket::Tcp(socket) => {
                set_socket_options(&socket, self.limits.write_timeout);
                match self.tls.clone() {
                    Some(tls) => drop(tokio::spawn(self.serve_tls(tls, socket, permit))),
                    None => drop(tokio::spawn(self.serve_plain(socket, permit))),
                }
            }
            #[cfg(unix)]
            Socket::Unix(socket) => drop(tokio::spawn(self.serve_unix(socket, permit))),
        }
    }

    async fn serve_plain(
        self: Arc<Self>,
        mut socket: TcpStream,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        // The state and the buffers for HTTP take memory only while they are needed.
        match self.detect(&mut socket).await {
            Some((Protocol::Http1, read_ahead)) => {
                Box::pin(self.serve_http1_plain(socket, read_ahead, permit)).await;
            }
            Some((Protocol::Http2, read_ahead)) => {
                let _permit = permit;
                let client = Client::from_socket(&socket);
                let write_timeout = self.limits.write_timeout;
                let connection = Connection::plain(socket, read_ahead, write_timeout);
                Box::pin(self.serve_http2(connection, client)).await;
            }
            None => {}
        }
    }

    async fn serve_tls(
        self: Arc<Self>,
        tls: Arc<Tls>,
        socket: TcpStream,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let _permit = permit;
        let client = Client::from_socket(&socket);
        let socket = with_write_timeout(socket, self.limits.write_timeout);
        let handshake = self
            .closing
            .run_until_cancelled(Box::pin(tls.accept(socket)));
        let io = match handshake.await {
            Some(Ok(io)) => io,
            Some(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                return;
            }
            None => return,
        };
        let is_http2 = io.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2);
        let connection = Connection::new(io, Bytes::new());
        match is_http2 {
            true => Box::pin(self.serve_http2(connection, client)).await,
            false => Box::pin(self.serve_http1(connection, client)).await,
        }
    }

    #[cfg(unix)]
    async fn serve_unix(
        self: Arc<Self>,
        mut socket: tokio::net::UnixStream,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let _permit = permit;
        let Some((protocol, read_ahead)) = self.detect(&mut socket).await else {
            return;
        };
        let socket = with_write_timeout(socket, self.limits.write_timeout);
        let connection = Connection::new(socket, read_ahead);
        match protocol {
            Protocol::Http1 => Box::pin(self.serve_http1(connection, Client::Local)).await,
            Protocol::Http2 => Box::pin(self.serve_http2(connection, Client::Local)).await,
        }
    }

    /// Returns the protocol of a connection and its first bytes, or `None` if it sends nothing in time.
    async fn detect(&self, io: &mut (impl AsyncRead + Unpin)) -> Option<(Protocol, Bytes)> {
        let detect = timeout(HEAD_TIMEOUT, protocol::detect(io));
        let (protocol, bytes) = self.closing.run_until_cancelled(detect).await?.ok()?.ok()?;
        (!bytes.is_empty()).then_some((protocol, bytes))
    }

    /// Serves a connection of plain TCP, until a response is a stream that the event loop takes over.
    async fn serve_http1_plain(
        self: Arc<Self>,
        socket: TcpStream,
        read_ahead: Bytes,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let client = Client::from_socket(&socket);
        let connection = Connection::plain(socket, Bytes::new(), self.limits.write_timeout);
        let server = Arc::clone(&self.server);
        let mut http = self.http1(&connection);
        http.half_close(true);
        let state = Arc::clone(connection.state());
        let service = service_fn(move |mut request: Request<sse_reactor::RequestBody>| {
            request.extensions_mut().insert(Arc::clone(&state));
            client.extend(&mut request);
            respond(Arc::clone(&server), request.map(RequestBody::new))
        });
        let handler = Arc::<Self>::clone(&self);
        let connection = serve_connection(
            &self.reactor,
            &http,
            connection,
            read_ahead,
            service,
            handler,
            permit,
        );
        log_failure(
            self.served(connection, |served| served.graceful_shutdown())
                .await,
        );
    }

    /// Serves a connection that stays with hyper.
    async fn serve_http1<Io>(&self, connection: Connection<Io>, client: Client)
    where
        Io: AsyncRead + AsyncWrite + PollClientEnd + Unpin + 'static,
    {
        let server = Arc::clone(&self.server);
        let service = service_fn(move |mut request: Request<Incoming>| {
            client.extend(&mut request);
            respond(Arc::clone(&server), request.map(RequestBody::new))
        });
        let http = self.http1(&connection);
        let connection = http.serve_connection(TokioIo::new(connection), service);
        log_failure(
            self.served(connection, |served| served.graceful_shutdown())
                .await,
        );
    }

    /// Waits until the connection ends. It shuts the connection down gracefully if the server closes first.
    async fn served<C: Future>(
        &self,
        connection: C,
        graceful_shutdown: impl FnOnce(Pin<&mut C>),
    ) -> C::Output {
        let mut connection = pin!(connection);
        tokio::select! {
            result = &mut connection => result,
            () = self.closing.cancelled() => {
                graceful_shutdown(connection.as_mut());
                connection.await
            }
        }
    }

    async fn serve_http2<Io>(&self, connection: Connection<Io>, client: Client)
    where
        Io: AsyncRead + AsyncWrite + PollClientEnd + Unpin + 'static,
    {
        let server = Arc::clone(&self.server);
        let service = service_fn(move |mut request: Request<Incoming>| {
            client.extend(&mut request);
            let server = Arc::clone(&server);
            async move {
                let response: Response<_> = match request.headers().len() > MAX_HEAD_FIELDS {
                    true => too_many_fields().into(),
                    false => respond(server, request).await?,
                };
                Ok(response.map(StreamBody::new))
            }
        });
        let served = http2::serve(connection, service, &self.limits, &self.closing);
        log_failure(served.await);
    }

    /// Returns the configuration of hyper for a connection of HTTP/1.1.
    fn http1<Io>(&self, connection: &Connection<Io>) -> http1::Builder {
        let mut http = http1::Builder::new();
        http.timer(HeadTimer::new(connection.state()))
            .header_read_timeout(self.limits.idle_timeout)
            .max_buf_size(BUFFER_BYTES)
            .max_header_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEAD_FIELDS)
            // Most frames are small, and the system call for one buffer is cheaper.
            .writev(false);
        http
    }
}

impl ConnectionHandler for Connections {
    /// Serves a connection of plain TCP again after its stream.
    fn handle(
        self: Arc<Self>,
        socket: TcpStream,
        read_ahead: Bytes,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let closing = self.closing.clone();
        tokio::spawn(async move {
            let begins = async {
                let readable = timeout(self.limits.idle_timeout, socket.readable());
                !read_ahead.is_empty() || matches!(readable.await, Ok(Ok(())))
            };
            if closing.run_until_cancelled(begins).await == Some(true) {
                Box::pin(self.serve_http1_plain(socket, read_ahead, permit)).await;
            }
        });
    }
}

// hyper detects the end of these clients.
impl<Io> PollClientEnd for TlsStream<Io> {}
#[cfg(unix)]
impl PollClientEnd for crate::hub::connection::TimedSocket<tokio::net::UnixStream> {}

/// Client of a connection, as requests know it by their extensions.
#[derive(Clone, Copy)]
enum Client {
    Tcp(Option<PeerAddress>),
    Local,
}

impl Client {
    fn from_socket(socket: &TcpStream) -> Self {
        Self::Tcp(PeerAddress::of(socket))
    }

    fn extend<B>(self, request: &mut Request<B>) {
        let extensions = request.extensions_mut();
        match self {
            Self::Tcp(Some(peer)) => drop(extensions.insert(peer)),
            Self::Tcp(None) => {}
            Self::Local => drop(extensions.insert(LocalSocket)),
        }
    }
}

fn too_many_fields() -> Refusal {
    let reason = format_args!("a request has at most {MAX_HEAD_FIELDS} fields");
    Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
}

fn log_failure(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection failed");
    }
}
