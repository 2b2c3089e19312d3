//! The server: its state, and its connections until shutdown.

use core::{future::poll_fn, pin::pin, time::Duration};
use std::{
    io,
    sync::{Arc, OnceLock},
};

use anyhow::Result;
use metrics_exporter_prometheus::PrometheusHandle;
use sse_hub::{Hub, LagPolicy, SubscriptionBuilder, TopicFilters};
use sse_hyper::{CloseEvent, Event, StreamTracker};
use sse_reactor::Reactor;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;

use crate::hub::{
    Storage,
    access::Access,
    access_log::AccessLog,
    connections::{ConnectionLimits, Connections},
    listeners::{Listeners, Socket},
    mercure::Mercure,
    publish::BodyMemory,
    tls::Tls,
};

/// State of the server that all requests share.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    /// File that keeps the events.
    pub(crate) storage: Storage,
    pub(crate) streams: StreamTracker,
    /// Takes the connections of streams over. With `None`, hyper keeps them.
    pub(crate) reactor: Option<Reactor>,
    pub(crate) access: Access,
    /// The Mercure protocol, which replaces the other paths for events.
    pub(crate) mercure: Option<Arc<Mercure>>,
    /// Layer for requests of other origins. With `None`, pages of other origins cannot read the events.
    pub(crate) cors: Option<CorsLayer>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) access_log: Option<AccessLog>,
    /// Document of `/openapi.json`, from the first request for it. With `None`, it is not served.
    pub(crate) openapi: Option<OnceLock<String>>,
    /// Idle streams get events of the type `ping`.
    pub(crate) sends_pings: bool,
    /// The page `/debug` is served.
    pub(crate) debugger: bool,
    pub(crate) body_memory: BodyMemory,
    pub(crate) max_event: usize,
    pub(crate) slow: LagPolicy,
    pub(crate) max_lag: Option<u64>,
    /// Last event of each stream.
    pub(crate) close_event: CloseEvent,
}

impl Server {
    /// Returns a builder for a subscription to these topics, with the policy for slow subscribers.
    pub(crate) fn subscription(&self, filters: TopicFilters) -> SubscriptionBuilder {
        let builder = self.hub.subscription(filters).lag_policy(self.slow);
        match self.max_lag {
            Some(events) => builder.max_lag(events),
            None => builder,
        }
    }
}

/// Maximum time for clients to read the rest of their responses at shutdown, so that the server ends within 5 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(4500);

/// Upper limit of the maximum number of connections. A system has fewer file descriptors.
const MAX_CONNECTIONS: u32 = 1 << 28;

/// Serves connections until `shutdown` completes, and then closes them. With `tls`, all connections of TCP speak TLS.
pub(crate) async fn run(
    listeners: Listeners,
    tls: Option<Arc<Tls>>,
    server: Arc<Server>,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let max_connections = u32::try_from(limits.max)
        .unwrap_or(u32::MAX)
        .min(MAX_CONNECTIONS);
    let permits = Arc::new(Semaphore::new(max_connections as usize));
    let closing = CancellationToken::new();
    let connections = Connections::new(Arc::clone(&server), tls, limits, closing.clone())?;
    let mut shutdown = pin!(shutdown);
    loop {
        let (socket, permit) = tokio::select! {
            accepted = accept(&listeners, &permits) => accepted,
            () = &mut shutdown => break,
        };
        Arc::clone(&connections).serve(socket, permit);
    }
    drop(listeners);
    tracing::info!(streams = server.streams.open_streams(), "closing");
    // The hub sends each subscriber its position. `streams` ends those that still wait for their replay.
    server.hub.close(server.close_event.clone());
    server.streams.close(server.close_event.clone());
    closing.cancel();
    // All connections have ended when all permits are back.
    let all_permits = permits.acquire_many(max_connections);
    if timeout(SHUTDOWN_TIMEOUT, all_permits).await.is_err() {
        tracing::warn!("some clients did not read the rest of their responses in time");
    }
    Ok(())
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
) -> (Socket, Option<OwnedSemaphorePermit>) {
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

/// Returns the last event of each stream, of the type `closing`.
pub(crate) fn close_event() -> CloseEvent {
    let event = Event::new(r#"{"reason":"shutdown"}"#);
    CloseEvent::new(event).with_retry(Duration::from_secs(1)..=Duration::from_secs(10))
}
