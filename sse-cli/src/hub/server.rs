//! The server: its state, the addresses it listens on, and its connections until shutdown.

use core::{
    fmt,
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};
use std::{io, sync::Arc};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::Request;
use hyper::{server::conn::http1, service::service_fn};
use metrics_exporter_prometheus::PrometheusHandle;
use sse_hub::{Hub, LagPolicy};
use sse_hyper::{CloseEvent, Event, StreamTracker};
use sse_reactor::{ConnectionHandler, Reactor, serve_connection};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;

use crate::hub::{
    access::Access,
    connection::{Connection, HEAD_TIMEOUT, HeadTimer, RequestBody},
    publish::BodyMemory,
    routes::respond,
};

/// State of the server that all requests share.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) streams: StreamTracker,
    /// Takes the connections of streams over. With `None`, hyper keeps them.
    pub(crate) reactor: Option<Reactor>,
    pub(crate) access: Access,
    /// Layer for requests of other origins. With `None`, pages of other origins cannot read the events.
    pub(crate) cors: Option<CorsLayer>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) body_memory: BodyMemory,
    pub(crate) max_event: usize,
    pub(crate) slow: LagPolicy,
    pub(crate) max_lag: Option<u64>,
}

/// Maximum size of the head of a request in bytes: the request line and all fields, with their line ends.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Maximum number of fields in the head of a request.
const MAX_HEAD_FIELDS: usize = 100;

/// Size of the read buffer in bytes, and maximum number of bytes that wait to be written to a client.
const BUFFER_BYTES: usize = 32 * 1024;

/// Maximum time for clients to read the rest of their responses at shutdown, so that the server ends within 5 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(4500);

/// Maximum timeout for unacknowledged data on Linux, where it is a number of milliseconds as an `int`.
#[cfg(target_os = "linux")]
const MAX_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Upper limit of the maximum number of connections. A system has fewer file descriptors.
const MAX_CONNECTIONS: u32 = 1 << 28;

/// Limits of connections.
pub(crate) struct ConnectionLimits {
    /// Maximum number of open connections.
    pub(crate) max: usize,
    /// Time after which a connection is closed if nothing can be written to it.
    pub(crate) write_timeout: Duration,
    /// Maximum time that a connection waits for its next request.
    pub(crate) idle_timeout: Duration,
}

/// Serves connections until `shutdown` completes, and then closes them.
pub(crate) async fn run(
    listeners: Listeners,
    server: Arc<Server>,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let max_connections = u32::try_from(limits.max)
        .unwrap_or(u32::MAX)
        .min(MAX_CONNECTIONS);
    let permits = Arc::new(Semaphore::new(max_connections as usize));
    let connections = Arc::new(Connections {
        reactor: match &server.reactor {
            Some(reactor) => reactor.clone(),
            None => Reactor::new(server.streams.clone())?,
        },
        server,
        limits,
        closing: CancellationToken::new(),
    });
    let mut shutdown = pin!(shutdown);
    loop {
        let (socket, permit) = tokio::select! {
            accepted = accept(&listeners, &permits) => accepted,
            () = &mut shutdown => break,
        };
        set_socket_options(&socket, connections.limits.write_timeout);
        Arc::clone(&connections).spawn(socket, Bytes::new(), permit, HEAD_TIMEOUT);
    }
    drop(listeners);
    let Connections {
        server, closing, ..
    } = &*connections;
    tracing::info!(streams = server.streams.open_streams(), "closing");
    // The hub sends each subscriber its position. `streams` ends those that still wait for their replay.
    server.hub.close(close_event());
    server.streams.close(close_event());
    closing.cancel();
    // All connections have ended when all permits are back.
    let all_permits = permits.acquire_many(max_connections);
    if timeout(SHUTDOWN_TIMEOUT, all_permits).await.is_err() {
        tracing::warn!("some clients did not read the rest of their responses in time");
    }
    Ok(())
}

/// All connections of the server.
struct Connections {
    server: Arc<Server>,
    reactor: Reactor,
    limits: ConnectionLimits,
    /// The server is shutting down.
    closing: CancellationToken,
}

impl Connections {
    /// Serves a connection in a task if its next request begins within this time, and again after its stream has
    /// ended.
    fn spawn(
        self: Arc<Self>,
        socket: TcpStream,
        read_ahead: Bytes,
        permit: Option<OwnedSemaphorePermit>,
        max_wait: Duration,
    ) {
        let closing = self.closing.clone();
        tokio::spawn(async move {
            let begins = async {
                let readable = timeout(max_wait, socket.readable());
                !read_ahead.is_empty() || matches!(readable.await, Ok(Ok(())))
            };
            if closing.run_until_cancelled(begins).await == Some(true) {
                // The state and the buffers for HTTP take memory only while they are needed.
                Box::pin(self.serve(socket, read_ahead, permit)).await;
            }
        });
    }

    async fn serve(
        self: Arc<Self>,
        socket: TcpStream,
        read_ahead: Bytes,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let connection = Connection::new(socket, self.limits.write_timeout);
        let server = Arc::clone(&self.server);
        let timer = HeadTimer::new(connection.state());
        let state = Arc::clone(connection.state());
        let service = service_fn(move |mut request: Request<sse_reactor::RequestBody>| {
            request.extensions_mut().insert(Arc::clone(&state));
            respond(Arc::clone(&server), request.map(RequestBody::new))
        });
        let mut http = http1::Builder::new();
        http.timer(timer)
            .header_read_timeout(self.limits.idle_timeout)
            .half_close(true)
            .max_buf_size(BUFFER_BYTES)
            .max_header_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEAD_FIELDS)
            // Most frames are small, and the system call for one buffer is cheaper.
            .writev(false);
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
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = &mut connection => result,
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "connection failed");
        }
    }
}

impl ConnectionHandler for Connections {
    fn handle(
        self: Arc<Self>,
        socket: TcpStream,
        read_ahead: Bytes,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let max_wait = self.limits.idle_timeout;
        self.spawn(socket, read_ahead, permit, max_wait);
    }
}

/// Returns a future that completes on SIGTERM or Ctrl-C. From now on, these signals do not end the process.
pub(crate) fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            core::future::pending().await
        }
    })
}

/// Accepts the next connection when a permit is free. Until then, connections wait in the queue of the system.
async fn accept(
    listeners: &Listeners,
    permits: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match poll_fn(|cx| listeners.poll_accept(cx)).await {
            Ok(connection) => return (connection, permit),
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Returns whether the error concerns one connection, whose client left before it was accepted.
fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Sets the options of a connection. It fails when its client has acknowledged nothing for `write_timeout`.
fn set_socket_options(connection: &TcpStream, write_timeout: Duration) {
    // Without these options, the connection still works, or it fails when it is used.
    if let Err(error) = connection.set_nodelay(true) {
        tracing::warn!(%error, "a connection may be slow: TCP_NODELAY is not set");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = set_user_timeout(connection, write_timeout) {
        tracing::warn!(
            %error,
            "a client that vanishes may be noticed late: TCP_USER_TIMEOUT is not set"
        );
    }
}

/// Sets the time after which Linux closes a connection with unacknowledged data, whose client has vanished.
#[cfg(target_os = "linux")]
fn set_user_timeout(connection: &TcpStream, timeout: Duration) -> io::Result<()> {
    // For Linux, 0 means the default of the system.
    let timeout = timeout.clamp(Duration::from_millis(1), MAX_USER_TIMEOUT);
    socket2::SockRef::from(connection).set_tcp_user_timeout(Some(timeout))
}

/// Returns the last event of each stream, of the type `closing`.
fn close_event() -> CloseEvent {
    let event = Event::new(r#"{"reason":"shutdown"}"#);
    CloseEvent::new(event).with_retry(Duration::from_secs(1)..=Duration::from_secs(10))
}

/// IP address or host name, and a port.
#[derive(Clone, Debug)]
pub(crate) struct ListenAddress(String);

impl ListenAddress {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED_FORM: &str =
            "expected an IP address or a host name, and a port: 127.0.0.1:8080, localhost:8080";
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(EXPECTED_FORM.to_owned());
        };
        #[expect(clippy::disallowed_methods, reason = "the types say what is valid")]
        let (is_address, is_port) = (
            text.parse::<SocketAddr>().is_ok(),
            port.parse::<u16>().is_ok(),
        );
        let is_name = !host.is_empty() && !host.contains([':', '[', ']', '/', '@']);
        match is_address || (is_name && is_port) {
            true => Ok(Self(text.to_owned())),
            false => Err(EXPECTED_FORM.to_owned()),
        }
    }

    /// Resolves the name to all of its addresses, at least one.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let failed = || format!("cannot listen on {self}");
        let mut addresses = Vec::new();
        for address in lookup_host(&*self.0).await.with_context(failed)? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        match addresses.is_empty() {
            true => bail!("cannot listen on {self}: the name has no address"),
            false => Ok(addresses),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Maximum number of connections that wait to be accepted, for example when all clients reconnect after a restart.
/// Linux limits it to `net.core.somaxconn`, which has this value by default.
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows, another program could take the port then.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listeners for all addresses of a host, with one port.
pub(crate) struct Listeners(Vec<TcpListener>);

impl Listeners {
    /// Listens on these addresses. Skips those that this machine does not have, if it has at least one: a name may
    /// have an IPv6 address where there is no IPv6. Port 0 takes the port of the first listener.
    pub(crate) fn bind(addresses: &[SocketAddr]) -> Result<Self> {
        let mut listeners: Vec<TcpListener> = Vec::new();
        let mut missing = None;
        for address in addresses {
            let mut address = *address;
            if let (0, Some(first)) = (address.port(), listeners.first()) {
                address.set_port(first.local_addr()?.port());
            }
            match listen(address) {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                    missing.get_or_insert((address, error));
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot listen on {address}"));
                }
            }
        }
        match missing {
            Some((address, error)) if listeners.is_empty() => {
                Err(error).with_context(|| format!("cannot listen on {address}"))
            }
            _ => Ok(Self(listeners)),
        }
    }

    /// Returns the address of the first listener.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        let first = self.0.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        first.local_addr()
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let accepted = self.0.iter().map(|listener| listener.poll_accept(cx));
        let ready = accepted.into_iter().find(Poll::is_ready);
        ready.map_or(Poll::Pending, |accepted| {
            accepted.map_ok(|(connection, _)| connection)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for text in [
            "127.0.0.1:0",
            "[::1]:8080",
            "localhost:8080",
            "a-b.example:1",
        ] {
            assert_eq!(ListenAddress::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            ":",
            "8080",
            ":8080",
            "localhost",
            "localhost:",
            "localhost:x",
            "localhost:65536",
            "::1:8080",
            "http://localhost:8080",
            "[localhost]:8080",
            "a@b:1",
        ] {
            assert!(ListenAddress::parse(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn all_addresses_have_one_port() {
        let addresses =
            [[127, 0, 0, 1], [127, 0, 0, 2], [192, 0, 2, 1]].map(|ip| SocketAddr::from((ip, 0)));
        let listeners = Listeners::bind(&addresses).unwrap();
        let port = listeners.local_addr().unwrap().port();
        for host in ["127.0.0.2", "127.0.0.1"] {
            TcpStream::connect((host, port)).await.unwrap();
            poll_fn(|cx| listeners.poll_accept(cx)).await.unwrap();
        }
        let error = Listeners::bind(&addresses[2..]).err().unwrap();
        assert!(
            error.to_string().contains("cannot listen on 192.0.2.1:0"),
            "{error}"
        );
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn each_write_timeout_of_the_command_line_is_set_as_far_as_linux_takes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let max = u64::MAX.to_string();
        for (seconds, expected) in [
            ("0.000000001", Duration::from_millis(1)),
            ("0.0015", Duration::from_millis(1)),
            ("1", Duration::from_secs(1)),
            ("2147483.647", MAX_USER_TIMEOUT),
            ("2147484", MAX_USER_TIMEOUT),
            (&max, MAX_USER_TIMEOUT),
            ("1e300", MAX_USER_TIMEOUT),
        ] {
            let connection = TcpStream::connect(address).await.unwrap();
            set_socket_options(&connection, crate::parse::seconds(seconds).unwrap());
            let socket = socket2::SockRef::from(&connection);
            let timeout = socket.tcp_user_timeout().unwrap();
            assert_eq!(timeout, Some(expected), "{seconds} s");
            assert!(socket.tcp_nodelay().unwrap());
        }
    }
}
