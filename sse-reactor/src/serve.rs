//! Server: accepts connections until a graceful shutdown.

use core::{
    error::Error,
    fmt,
    future::{Pending, pending},
    pin::{Pin, pin},
    time::Duration,
};
use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioTimer, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::{ConnectionHandler, Reactor, RequestBody, serve_connection};

/// Time after which the next connection is accepted, if the system has no more file descriptors.
const ACCEPT_DELAY: Duration = Duration::from_secs(1);

/// Maximum time that a connection waits for its next request, as hyper has it for the head of a request.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Maximum number of open connections. A system has fewer file descriptors.
const MAX_CONNECTIONS: u32 = 1 << 28;

/// Serves a tower service, such as a router of axum, over HTTP/1.1. It is `axum::serve` with an event loop for the
/// streams of a hub.
///
/// Await the result. It serves until the listener fails, or until a
/// [graceful shutdown](Serve::with_graceful_shutdown) is complete. Use [`serve_connection`] for TLS sockets without
/// hand-off, limits of connections, or another configuration of hyper.
pub fn serve<S>(listener: TcpListener, service: S, reactor: &Reactor) -> Serve<S> {
    Serve {
        listener,
        service,
        reactor: reactor.clone(),
        signal: pending(),
    }
}

/// Server that [`serve`] creates.
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<S, F = Pending<()>> {
    listener: TcpListener,
    service: S,
    reactor: Reactor,
    signal: F,
}

impl<S> Serve<S> {
    /// Stops accepting connections when the signal completes, and waits until all connections have ended.
    ///
    /// Streams end only if the signal, or other code, closes their hub or their tracker. So pass
    /// [`StreamTracker::close_on`](sse_hyper::StreamTracker::close_on).
    pub fn with_graceful_shutdown<F: Future<Output = ()>>(self, signal: F) -> Serve<S, F> {
        let Self {
            listener,
            service,
            reactor,
            ..
        } = self;
        Serve {
            listener,
            service,
            reactor,
            signal,
        }
    }
}

impl<S, F, B> IntoFuture for Serve<S, F>
where
    S: Service<Request<RequestBody>, Response = Response<B>>
        + Clone
        + Send
        + Sync
        + Unpin
        + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    F: Future<Output = ()> + Send + 'static,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            listener,
            service,
            reactor,
            signal,
        } = self;
        let connections = Arc::new(Connections {
            service,
            reactor,
            closing: CancellationToken::new(),
        });
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
        Box::pin(async move {
            let mut signal = pin!(signal);
            loop {
                let accept = async {
                    // The semaphore is never closed.
                    let permit = Arc::clone(&permits).acquire_owned().await.ok();
                    listener.accept().await.map(|(socket, _)| (socket, permit))
                };
                let accepted = tokio::select! {
                    accepted = accept => accepted,
                    () = &mut signal => break,
                };
                match accepted {
                    Ok((socket, permit)) => {
                        Arc::clone(&connections).handle(socket, Bytes::new(), permit);
                    }
                    Err(error) if is_connection_error(&error) => {}
                    Err(error) => {
                        tracing::error!(%error, "cannot accept a connection");
                        sleep(ACCEPT_DELAY).await;
                    }
                }
            }
            drop(listener);
            connections.closing.cancel();
            // All connections have ended when all permits are back.
            let _ = permits.acquire_many(MAX_CONNECTIONS).await;
            Ok(())
        })
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

/// All connections of a server.
struct Connections<S> {
    service: S,
    reactor: Reactor,
    /// The server is shutting down.
    closing: CancellationToken,
}

impl<S, B> ConnectionHandler for Connections<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>>
        + Clone
        + Send
        + Sync
        + Unpin
        + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn handle(
        self: Arc<Self>,
        socket: TcpStream,
        read_ahead: Bytes,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let closing = self.closing.clone();
        tokio::spawn(async move {
            let begins = async {
                let readable = timeout(MAX_WAIT, socket.readable());
                !read_ahead.is_empty() || matches!(readable.await, Ok(Ok(())))
            };
            if closing.run_until_cancelled(begins).await != Some(true) {
                return;
            }
            // It is boxed, so that the state for HTTP takes memory only while it is needed.
            let mut connection = Box::pin({
                let service = TowerToHyperService::new(self.service.clone());
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new());
                let reactor = self.reactor.clone();
                serve_connection(&reactor, &http, socket, read_ahead, service, self, permit)
            });
            let result = tokio::select! {
                result = &mut connection => result,
                () = closing.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = result {
                tracing::debug!(%error, "a connection has failed");
            }
        });
    }
}

impl<S, F> fmt::Debug for Serve<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listener", &self.listener)
            .field("reactor", &self.reactor)
            .finish_non_exhaustive()
    }
}
