//! Connection manager for NATS, which reconnects forever.
//!
//! The client of `async_nats` reconnects by itself for some time, but operations in progress are lost with the old
//! connection. So each operation belongs to one connection: [`ConnectionManager::connected`] returns a
//! [`ConnectionEpoch`], and [`ConnectionEpoch::ended`] completes when this connection has ended.
//!
//! A task creates clients, one after the other: for servers with other credentials, and after a client has ended. A
//! message with headers that the client cannot read ends the client for good
//! ([nats.rs#1612](https://github.com/nats-io/nats.rs/pull/1612)).

use core::{error::Error, future, time::Duration};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_nats::{
    Client, ClientError, ConnectError, ConnectOptions, Event, Server, ServerAddr,
    jetstream::{Context, context::ContextBuilder},
};
use futures_core::future::BoxFuture;
use sse_hub::{BackendError, BackendErrorKind};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use crate::{
    address::Group,
    error::{self, Violation, to_backend_error},
};

/// Maximum time for NATS to answer a request. All requests can be repeated safely.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// Interval of pings on an idle connection. The connection ends after two pings without an answer.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Maximum number of recent violations that are kept.
const MAX_VIOLATIONS: usize = 16;

/// Lifetime of a connection that may not subscribe. The next connection tries again.
const SUBSCRIPTION_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Function that creates the options of a client.
pub(crate) type Options = dyn Fn() -> ConnectOptions + Send + Sync;

/// Connection manager, which keeps one client connected.
pub(crate) struct ConnectionManager {
    servers: Arc<Servers>,
    /// Status of the connection. Closed when the task that creates clients has ended.
    status: Mutex<Option<watch::Receiver<Status>>>,
}

/// Servers and options of the connections.
struct Servers {
    groups: Vec<Group>,
    addresses: Arc<str>,
    options: Box<Options>,
    domain: Option<String>,
}

/// Status of the current connection.
#[derive(Clone)]
struct Status {
    /// Context of the connection. `None` while there is no connection.
    context: Option<Context>,
    /// Number of connections so far.
    epochs: u64,
    /// Reason of the last disconnection.
    reason: BackendError,
    /// Recent operations that the server did not permit: the number of each violation, and the server's message.
    violations: VecDeque<(u64, String)>,
    /// Number of violations so far.
    violation_count: u64,
    /// Message of the server if this connection may not subscribe. No answers can arrive then.
    subscription_violation: Option<String>,
}

/// One connection, from its start to its end.
#[derive(Clone)]
pub(crate) struct ConnectionEpoch {
    pub(crate) context: Context,
    /// Number of this connection: 1 for the first one.
    epoch: u64,
    status: watch::Receiver<Status>,
    addresses: Arc<str>,
}

impl ConnectionManager {
    /// Creates a connection manager, which connects at the first call of [`connected`](Self::connected).
    pub(crate) fn new(groups: Vec<Group>, options: Box<Options>, domain: Option<String>) -> Self {
        let servers = groups.iter().flat_map(|group| &group.servers);
        let addresses: Vec<_> = servers
            .map(|server| format!("{}:{}", server.host(), server.port()))
            .collect();
        Self {
            servers: Arc::new(Servers {
                groups,
                addresses: addresses.join(", ").into(),
                options,
                domain,
            }),
            status: Mutex::default(),
        }
    }

    /// Waits until there is a connection.
    pub(crate) async fn connected(&self) -> ConnectionEpoch {
        let mut backoff = Backoff::default();
        loop {
            let mut status = self.status();
            // The guard of the status must not be held across the next await.
            let connection = match status.wait_for(|status| status.context.is_some()).await {
                Ok(now) => now.context.clone().map(|context| (context, now.epochs)),
                Err(_) => None,
            };
            if let Some((context, epoch)) = connection {
                return ConnectionEpoch {
                    context,
                    epoch,
                    status,
                    addresses: Arc::clone(&self.servers.addresses),
                };
            }
            backoff.wait().await;
        }
    }

    /// Waits until there is a connection, but not longer than this limit.
    pub(crate) async fn connected_within(
        &self,
        limit: Duration,
    ) -> Result<ConnectionEpoch, BackendError> {
        match timeout(limit, self.connected()).await {
            Ok(connection) => Ok(connection),
            Err(_) => Err(self.not_connected()),
        }
    }

    /// Returns an error for the missing connection, with its cause.
    pub(crate) fn not_connected(&self) -> BackendError {
        let reason = self.status().borrow().reason.clone();
        not_connected(self.addresses(), reason)
    }

    /// Returns the hosts and ports of the servers, for messages.
    pub(crate) fn addresses(&self) -> &str {
        &self.servers.addresses
    }

    /// Returns the status. If there is no task that updates it, spawns one on the current runtime.
    fn status(&self) -> watch::Receiver<Status> {
        let mut now = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = &*now
            && status.has_changed().is_ok()
        {
            return status.clone();
        }
        let (sender, status) = watch::channel(Status {
            context: None,
            epochs: 0,
            reason: BackendError::new("no answer yet"),
            violations: VecDeque::new(),
            violation_count: 0,
            subscription_violation: None,
        });
        tokio::spawn(run(Arc::clone(&self.servers), sender));
        now.insert(status).clone()
    }
}

/// Creates clients, one after the other, until the last receiver of the status is dropped.
async fn run(servers: Arc<Servers>, status: watch::Sender<Status>) {
    let mut groups = servers.groups.clone();
    let first = fastrand::usize(..groups.len().max(1));
    let mut backoff = Backoff::default();
    let serve = async {
        for index in (0..groups.len()).cycle().skip(first) {
            let group = &mut groups[index];
            let configured = &servers.groups[index].servers;
            match connect(group, &servers.options).await {
                Ok((client, events)) => {
                    let discovered = track_client(client, events, &servers, &status).await;
                    let known = configured.iter().cloned();
                    group.servers = known.chain(discovered).collect();
                    backoff.reset();
                }
                Err(error) => {
                    let error = to_backend_error(&error);
                    let cause: &(dyn Error + 'static) = &error;
                    tracing::debug!(
                        addresses = &*servers.addresses,
                        error = cause,
                        "cannot connect to NATS"
                    );
                    status.send_modify(|status| status.reason = error);
                }
            }
            backoff.wait().await;
        }
    };
    tokio::select! {
        () = serve => {}
        () = status.closed() => {}
    }
}

/// Connects a client, which ends after it has been disconnected for some time.
async fn connect(
    group: &Group,
    options: &Options,
) -> Result<(Client, mpsc::UnboundedReceiver<Event>), ConnectError> {
    let (sender, events) = mpsc::unbounded_channel();
    let options = group
        .credentials
        .apply(options())
        // The client tries each server once to connect, and twice to reconnect. Then the next group is tried.
        .max_reconnects(2 * group.servers.len())
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|attempts| {
            retry_delay(u32::try_from(attempts).unwrap_or(u32::MAX))
        })
        .event_callback(move |event| {
            // The receiver is gone when the last receiver of the status is gone.
            let _ = sender.send(event);
            future::ready(())
        });
    let client = options.connect(group.servers.clone()).await?;
    Ok((client, events))
}

/// Updates the status until the client has ended. Returns the servers that it has discovered.
async fn track_client(
    client: Client,
    mut events: mpsc::UnboundedReceiver<Event>,
    servers: &Servers,
    status: &watch::Sender<Status>,
) -> Vec<ServerAddr> {
    let context = ContextBuilder::new().timeout(REQUEST_TIMEOUT);
    let context = match &servers.domain {
        Some(domain) => context.domain(domain).build(client.clone()),
        None => context.build(client.clone()),
    };
    let mut discovered = Vec::new();
    let mut pool: BoxFuture<'_, Result<Vec<Server>, _>> = Box::pin(future::pending());
    loop {
        let may_not_subscribe = status.borrow().subscription_violation.is_some();
        let event = tokio::select! {
            event = events.recv() => event,
            () = sleep(SUBSCRIPTION_RETRY_INTERVAL), if may_not_subscribe => {
                // This fails only if the client has ended, which is an event, too.
                let _ = client.force_reconnect().await;
                continue;
            }
            known = &mut pool => {
                if let Ok(known) = known {
                    let known = known.into_iter().filter(|server| server.is_discovered);
                    discovered = known.map(|server| server.addr).collect();
                }
                pool = Box::pin(future::pending());
                continue;
            }
        };
        let Some(event) = event else {
            status.send_modify(|status| status.context = None);
            return discovered;
        };
        if event == Event::Connected {
            pool = Box::pin(client.server_pool());
        }
        status.send_modify(|status| status.handle_event(&event, &context));
    }
}

impl Status {
    /// Updates the status for an event of the client.
    fn handle_event(&mut self, event: &Event, context: &Context) {
        match event {
            Event::Connected => {
                self.context = Some(context.clone());
                self.epochs += 1;
                self.subscription_violation = None;
            }
            Event::Disconnected | Event::Closed => {
                self.context = None;
                self.reason = BackendError::new("connection has ended");
            }
            Event::ClientError(ClientError::Other(reason)) if self.context.is_none() => {
                self.reason = BackendError::new(reason);
            }
            Event::ServerError(error) => {
                let text = error.to_string();
                match error::violation(&text) {
                    Some(Violation::Subscribe) => self.subscription_violation = Some(text),
                    Some(Violation::Publish) => {
                        self.violation_count += 1;
                        self.violations.truncate(MAX_VIOLATIONS - 1);
                        self.violations.push_front((self.violation_count, text));
                    }
                    None => self.reason = BackendError::new(text),
                }
            }
            _ => {}
        }
    }

    /// Returns the server's message about a subject that contains this text, after this number of violations.
    fn violation(&self, after: u64, subject: &str) -> Option<&str> {
        let since = self
            .violations
            .iter()
            .take_while(|(number, _)| *number > after);
        let mut of_subject = since
            .map(|(_, text)| &**text)
            .filter(|text| text.contains(subject));
        self.subscription_violation
            .as_deref()
            .or_else(|| of_subject.next())
    }
}

impl ConnectionEpoch {
    /// Waits until the connection has ended. Returns the reason.
    pub(crate) async fn ended(&self) -> BackendError {
        let mut status = self.status.clone();
        let ended =
            status.wait_for(|status| status.context.is_none() || status.epochs != self.epoch);
        let reason = match ended.await {
            Ok(status) => status.reason.clone(),
            Err(_) => BackendError::new("client has ended"),
        };
        not_connected(&self.addresses, reason)
    }

    /// Returns the number of violations so far: operations that the server did not permit.
    pub(crate) fn violations(&self) -> u64 {
        self.status.borrow().violation_count
    }

    /// Waits until the server does not permit an operation on a subject that contains this text, after this number of
    /// violations. Returns the error.
    pub(crate) async fn violation(&self, after: u64, subject: &str) -> BackendError {
        let mut status = self.status.clone();
        let violated = status.wait_for(|status| status.violation(after, subject).is_some());
        let reason = match violated.await {
            Ok(status) => status.violation(after, subject).map(BackendError::new),
            Err(_) => None,
        };
        let Some(reason) = reason else {
            // The client has ended. The caller waits for that, too.
            return future::pending().await;
        };
        BackendError::new(format!("NATS at {}: not permitted", self.addresses))
            .with_kind(BackendErrorKind::Refused)
            .with_source(reason)
    }

    /// Runs an operation. Returns an error if the server does not permit it.
    pub(crate) async fn permitted<T>(
        &self,
        subject: &str,
        operation: impl Future<Output = T>,
    ) -> Result<T, BackendError> {
        let violations = self.violations();
        tokio::select! {
            biased;
            done = operation => Ok(done),
            refused = self.violation(violations, subject) => Err(refused),
        }
    }

    /// Creates an error that names the operation and has this cause.
    pub(crate) fn error(
        &self,
        operation: &str,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> BackendError {
        let cause = to_backend_error(&*cause.into());
        BackendError::new(format!("NATS at {}: {operation}", self.addresses)).with_source(cause)
    }
}

fn not_connected(addresses: &str, reason: BackendError) -> BackendError {
    BackendError::new(format!("not connected to NATS at {addresses}")).with_source(reason)
}

/// Delays between failed attempts, which grow with each failure.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Waits before the next attempt, longer after each failure.
    pub(crate) async fn wait(&mut self) {
        self.failures = self.failures.saturating_add(1);
        sleep(retry_delay(self.failures)).await;
    }

    /// Notes a success, so that the next delay is the shortest again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Returns the delay after this number of failures: 50 ms, doubled after each failure up to 2 s.
///
/// The second half of the delay is random, so that many nodes that have lost the same server do not reconnect at the
/// same time.
fn retry_delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    let max = Duration::from_millis(50 << doublings).min(Duration::from_secs(2));
    max.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_two_seconds() {
        for (failures, max) in [
            (0, 50),
            (1, 50),
            (2, 100),
            (6, 1600),
            (7, 2000),
            (1 << 20, 2000),
        ] {
            for _ in 0..100 {
                let delay = retry_delay(failures);
                let max = Duration::from_millis(max);
                assert!(delay >= max / 2 && delay <= max, "{failures}: {delay:?}");
            }
        }
    }
}
