//! Accepts connections, serves them, and closes them at shutdown.

use core::{future::poll_fn, pin::pin, time::Duration};
use std::{io, sync::Arc};

use http::Request;
use hyper::{body, server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use sse_hyper::{CloseEvent, Event};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;

use crate::hub::{
    connection::{Connection, HeadTimer},
    incoming::Incoming,
    listen::Listeners,
    paths::answer,
    server::Server,
};

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

/// Limits of connections.
pub(crate) struct Connections {
    /// Maximum number of open connections.
    pub(crate) max: usize,
    /// Time after which a connection is closed if nothing can be written to it.
    pub(crate) write_timeout: Duration,
    /// Maximum time that a connection waits for its next request.
    pub(crate) idle_timeout: Duration,
}

/// Serves connections until `ends` completes, and then closes them.
pub(crate) async fn run(
    listeners: Listeners,
    server: Arc<Server>,
    connections: Connections,
    ends: impl Future<Output = ()>,
) {
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections.max.min(Semaphore::MAX_PERMITS)));
    let mut ends = pin!(ends);
    loop {
        let (connection, place) = tokio::select! {
            accepted = accept(&listeners, &places) => accepted,
            () = &mut ends => break,
        };
        let connection = prepare(connection, connections.write_timeout);
        let server = Arc::clone(&server);
        let timer = HeadTimer::new(connection.state());
        let state = Arc::clone(connection.state());
        let service = service_fn(move |mut request: Request<body::Incoming>| {
            request.extensions_mut().insert(Arc::clone(&state));
            answer(Arc::clone(&server), request.map(Incoming::new))
        });
        let connection = http1::Builder::new()
            .timer(timer)
            .header_read_timeout(connections.idle_timeout)
            .half_close(true)
            .max_buf_size(BUFFER_BYTES)
            .max_header_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEAD_FIELDS)
            // Most frames are small, and the system call for one buffer is cheaper.
            .writev(false)
            .serve_connection(TokioIo::new(connection), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection failed");
            }
            drop(place);
        });
    }
    drop(listeners);
    tracing::info!(streams = server.streams.open_streams(), "closing");
    // The hub sends each subscriber its position. `streams` ends those that still wait for their replay.
    server.hub.close(close_event());
    server.streams.close(close_event());
    if timeout(SHUTDOWN_TIMEOUT, open.shutdown()).await.is_err() {
        tracing::warn!("some clients did not read the rest of their responses in time");
    }
}

/// Returns a future that completes on SIGTERM or Ctrl-C. From now on, these signals do not end the process.
pub(crate) fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
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

/// Accepts the next connection when there is a place for it. Until then, connections wait in the queue of the system.
async fn accept(
    listeners: &Listeners,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match poll_fn(|cx| listeners.poll_accept(cx)).await {
            Ok(connection) => return (connection, place),
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Returns whether the error concerns one connection, whose client left before it was accepted.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Sets the options of a connection. It fails when nothing can be written for `write_timeout`.
fn prepare(connection: TcpStream, write_timeout: Duration) -> Connection {
    // Without these options, the connection still works, or it fails when it is used.
    if let Err(error) = connection.set_nodelay(true) {
        tracing::warn!(%error, "a connection may be slow: TCP_NODELAY is not set");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = set_user_timeout(&connection, write_timeout) {
        tracing::warn!(
            %error,
            "a client that vanishes may be noticed late: TCP_USER_TIMEOUT is not set"
        );
    }
    let mut connection = TimeoutStream::new(connection);
    connection.set_write_timeout(Some(write_timeout));
    Connection::new(connection)
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::seconds;

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
            let connection = prepare(connection, seconds::parse(seconds).unwrap());
            let socket = socket2::SockRef::from(connection.socket());
            let timeout = socket.tcp_user_timeout().unwrap();
            assert_eq!(timeout, Some(expected), "{seconds} s");
            assert!(socket.tcp_nodelay().unwrap());
        }
    }
}
