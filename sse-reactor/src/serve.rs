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
    time::sleep,
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tower::Service;

use crate::{Reactor, RequestBody, serve_connection};

/// Time after which the next connection is accepted, if the system has no more file descriptors.
const ACCEPT_DELAY: Duration = Duration::from_secs(1);

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
            open: TaskTracker::new(),
        });
        Box::pin(async move {
            let mut signal = pin!(signal);
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = &mut signal => break,
                };
                match accepted {
                    Ok((socket, _)) => {
                        let open = connections.open.token();
                        Arc::clone(&connections).serve(socket, Bytes::new(), open);
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
            connections.open.close();
            connections.open.wait().await;
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
    open: TaskTracker,
}

impl<S, B> Connections<S>
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
    /// Serves a connection in a task, and again after its stream has ended. The token is dropped with the connection.
    #[expect(
        clippy::only_used_in_recursion,
        reason = "it lives as long as the connection"
    )]
    fn serve(self: Arc<Self>, socket: TcpStream, read_ahead: Bytes, open: TaskTrackerToken) {
        let closing = self.closing.clone();
        if closing.is_cancelled() {
            return;
        }
        let service = TowerToHyperService::new(self.service.clone());
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new());
        let connections = Arc::clone(&self);
        let on_return = move |socket, read_ahead| connections.serve(socket, read_ahead, open);
        let connection =
            serve_connection(&self.reactor, &http, socket, read_ahead, service, on_return);
        tokio::spawn(async move {
            let mut connection = pin!(connection);
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
