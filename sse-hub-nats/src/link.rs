//! The connection to NATS, as long as it takes to have one.
//!
//! The client of `async_nats` connects again by itself for a while, but what was under way is lost with the old
//! connection. So all work belongs to one life of it: [`Link::up`] gives a [`Life`], and [`Life::down`] says when
//! it is over.
//!
//! A task of its own makes clients, one after the other: of servers with other credentials, and when one has
//! ended. A message with headers that the client cannot read ends it for good
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
    backoff::{self, Backoff},
    error::levels,
    refusal::{self, Violation},
};

/// How long NATS may take to answer anything. To ask again does no harm.
const ANSWER: Duration = Duration::from_secs(3);

/// How often a quiet connection is tried. It is given up when two tries have failed.
const PING: Duration = Duration::from_secs(5);

/// Maximum number of violations that are kept.
const MAX_VIOLATIONS: usize = 16;

/// Lifetime of a connection that may not subscribe. Another one tries again whether it may.
const SUBSCRIPTION_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Makes what a client is made with.
pub(crate) type Options = dyn Fn() -> ConnectOptions + Send + Sync;

pub(crate) struct Link {
    servers: Arc<Servers>,
    /// Closed when the task that makes clients has ended.
    status: Mutex<Option<watch::Receiver<Status>>>,
}

struct Servers {
    groups: Vec<Group>,
    place: Arc<str>,
    options: Box<Options>,
    domain: Option<String>,
}

#[derive(Clone)]
struct Status {
    /// There is one while there is a connection.
    context: Option<Context>,
    /// How many connections there were.
    lives: u64,
    /// Why there is none.
    reason: BackendError,
    /// Last operations that the server did not permit, the newest first: their numbers, and the server's words.
    violations: VecDeque<(u64, String)>,
    /// How often the server did not permit something.
    violation_count: u64,
    /// The server's words if this connection may not subscribe, so that no answer can come.
    subscription_violation: Option<String>,
}

/// One connection, from its begin to its end.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) context: Context,
    number: u64,
    status: watch::Receiver<Status>,
    place: Arc<str>,
}

impl Link {
    /// Connects when it is asked for a life.
    pub(crate) fn new(groups: Vec<Group>, options: Box<Options>, domain: Option<String>) -> Self {
        let servers = groups.iter().flat_map(|it| &it.servers);
        let place: Vec<_> = servers
            .map(|it| format!("{}:{}", it.host(), it.port()))
            .collect();
        Self {
            servers: Arc::new(Servers {
                groups,
                place: place.join(", ").into(),
                options,
                domain,
            }),
            status: Mutex::default(),
        }
    }

    /// Waits until there is a connection.
    pub(crate) async fn up(&self) -> Life {
        let mut backoff = Backoff::default();
        loop {
            let mut status = self.status();
            // The guard of the status is not to be held over what comes.
            let life = match status.wait_for(|it| it.context.is_some()).await {
                Ok(now) => now.context.clone().map(|it| (it, now.lives)),
                Err(_) => None,
            };
            if let Some((context, number)) = life {
                return Life {
                    context,
                    number,
                    status,
                    place: Arc::clone(&self.servers.place),
                };
            }
            backoff.wait().await;
        }
    }

    /// Waits until there is a connection, at most for so long.
    pub(crate) async fn up_within(&self, limit: Duration) -> Result<Life, BackendError> {
        match timeout(limit, self.up()).await {
            Ok(life) => Ok(life),
            Err(_) => Err(self.not_connected()),
        }
    }

    /// Says that there is no connection, and why.
    pub(crate) fn not_connected(&self) -> BackendError {
        let reason = self.status().borrow().reason.clone();
        not_connected(self.place(), reason)
    }

    /// Where NATS is.
    pub(crate) fn place(&self) -> &str {
        &self.servers.place
    }

    /// The status, kept by a task: of the runtime that is here when there is none yet.
    fn status(&self) -> watch::Receiver<Status> {
        let mut now = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = &*now
            && status.has_changed().is_ok()
        {
            return status.clone();
        }
        let (sender, status) = watch::channel(Status {
            context: None,
            lives: 0,
            reason: BackendError::new("there is no answer yet"),
            violations: VecDeque::new(),
            violation_count: 0,
            subscription_violation: None,
        });
        tokio::spawn(run(Arc::clone(&self.servers), sender));
        now.insert(status).clone()
    }
}

/// Makes clients until the last receiver of the status is gone.
async fn run(servers: Arc<Servers>, status: watch::Sender<Status>) {
    let mut groups = servers.groups.clone();
    let first = fastrand::usize(..groups.len().max(1));
    let mut backoff = Backoff::default();
    let serve = async {
        for number in (0..groups.len()).cycle().skip(first) {
            let group = &mut groups[number];
            let configured = &servers.groups[number].servers;
            match connect(group, &servers.options).await {
                Ok((client, events)) => {
                    let discovered = live(client, events, &servers, &status).await;
                    let known = configured.iter().cloned();
                    group.servers = known.chain(discovered).collect();
                    backoff.reset();
                }
                Err(error) => {
                    let error = levels(&error);
                    let told: &(dyn Error + 'static) = &error;
                    tracing::debug!(
                        place = &*servers.place,
                        error = told,
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

/// Gives a client that is connected, and that ends when it has lost that for a while.
async fn connect(
    group: &Group,
    options: &Options,
) -> Result<(Client, mpsc::UnboundedReceiver<Event>), ConnectError> {
    let (sender, events) = mpsc::unbounded_channel();
    let options = group
        .credentials
        .apply(options())
        // Each has one chance at first, and two to come back, before the next group has its turn.
        .max_reconnects(2 * group.servers.len())
        .ping_interval(PING)
        .reconnect_delay_callback(|attempts| {
            backoff::delay(u32::try_from(attempts).unwrap_or(u32::MAX))
        })
        .event_callback(move |event| {
            // There is no receiver after the last one of the status is gone.
            let _ = sender.send(event);
            future::ready(())
        });
    let client = options.connect(group.servers.clone()).await?;
    Ok((client, events))
}

/// Keeps the status until the client has ended. Gives the servers that it has heard of from others.
async fn live(
    client: Client,
    mut events: mpsc::UnboundedReceiver<Event>,
    servers: &Servers,
    status: &watch::Sender<Status>,
) -> Vec<ServerAddr> {
    let context = ContextBuilder::new().timeout(ANSWER);
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
                // It fails only if the client has ended, which is an event.
                let _ = client.force_reconnect().await;
                continue;
            }
            known = &mut pool => {
                if let Ok(known) = known {
                    let known = known.into_iter().filter(|it| it.is_discovered);
                    discovered = known.map(|it| it.addr).collect();
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
        status.send_modify(|status| status.on(&event, &context));
    }
}

impl Status {
    fn on(&mut self, event: &Event, context: &Context) {
        match event {
            Event::Connected => {
                self.context = Some(context.clone());
                self.lives += 1;
                self.subscription_violation = None;
            }
            Event::Disconnected | Event::Closed => {
                self.context = None;
                self.reason = BackendError::new("the connection has ended");
            }
            Event::ClientError(ClientError::Other(reason)) if self.context.is_none() => {
                self.reason = BackendError::new(reason);
            }
            Event::ServerError(error) => {
                let text = error.to_string();
                match refusal::violation(&text) {
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

    /// Returns what the server has said, after this number of violations, of a subject with this text in it.
    fn violation(&self, after: u64, subject: &str) -> Option<&str> {
        let since = self
            .violations
            .iter()
            .take_while(|(number, _)| *number > after);
        let mut of_subject = since
            .map(|(_, text)| &**text)
            .filter(|it| it.contains(subject));
        self.subscription_violation
            .as_deref()
            .or_else(|| of_subject.next())
    }
}

impl Life {
    /// Waits until the connection has ended, and says so.
    pub(crate) async fn down(&self) -> BackendError {
        let mut status = self.status.clone();
        let ended = status.wait_for(|it| it.context.is_none() || it.lives != self.number);
        let reason = match ended.await {
            Ok(status) => status.reason.clone(),
            Err(_) => BackendError::new("the client has ended"),
        };
        not_connected(&self.place, reason)
    }

    /// Returns the number of operations that the server did not permit so far.
    pub(crate) fn violations(&self) -> u64 {
        self.status.borrow().violation_count
    }

    /// Waits until the server says that it does not permit an operation on a subject with this text in it, after this
    /// number of violations.
    pub(crate) async fn violation(&self, after: u64, subject: &str) -> BackendError {
        let mut status = self.status.clone();
        let violated = status.wait_for(|it| it.violation(after, subject).is_some());
        let reason = match violated.await {
            Ok(status) => status.violation(after, subject).map(BackendError::new),
            Err(_) => None,
        };
        let Some(reason) = reason else {
            // The client has ended, for which the caller waits as well.
            return future::pending().await;
        };
        BackendError::new(format!("NATS at {}: not permitted", self.place))
            .with_kind(BackendErrorKind::Refused)
            .with_source(reason)
    }

    /// Runs an operation, unless the server says that it does not permit it.
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

    /// Returns an error that names the operation and has its cause.
    pub(crate) fn error(
        &self,
        what: &str,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> BackendError {
        let cause = levels(&*cause.into());
        BackendError::new(format!("NATS at {}: {what}", self.place)).with_source(cause)
    }
}

fn not_connected(place: &str, reason: BackendError) -> BackendError {
    BackendError::new(format!("not connected to NATS at {place}")).with_source(reason)
}
