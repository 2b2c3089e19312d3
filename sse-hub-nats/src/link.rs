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
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{
    Client, ClientError, ConnectError, ConnectOptions, Event, Server, ServerAddr,
    jetstream::{Context, context::ContextBuilder},
};
use futures_core::future::BoxFuture;
use sse_hub::BackendError;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    address::Group,
    backoff::{self, Backoff},
    error::levels,
};

/// How long NATS may take to answer anything. To ask again does no harm.
const ANSWER: Duration = Duration::from_secs(3);

/// How often a quiet connection is tried. It is given up when two tries have failed.
const PING: Duration = Duration::from_secs(5);

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
}

#[derive(Clone)]
struct Status {
    /// There is one while there is a connection.
    context: Option<Context>,
    /// How many connections there were.
    lives: u64,
    /// Why there is none.
    reason: BackendError,
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
    pub(crate) fn new(groups: Vec<Group>, options: Box<Options>) -> Self {
        let servers = groups.iter().flat_map(|it| &it.servers);
        let place: Vec<_> = servers
            .map(|it| format!("{}:{}", it.host(), it.port()))
            .collect();
        Self {
            servers: Arc::new(Servers {
                groups,
                place: place.join(", ").into(),
                options,
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
                    let discovered = live(client, events, &status).await;
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
    status: &watch::Sender<Status>,
) -> Vec<ServerAddr> {
    let context = ContextBuilder::new().timeout(ANSWER).build(client.clone());
    let mut discovered = Vec::new();
    let mut pool: BoxFuture<'_, Result<Vec<Server>, _>> = Box::pin(future::pending());
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
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
            }
            Event::Disconnected | Event::Closed => {
                self.context = None;
                self.reason = BackendError::new("the connection has ended");
            }
            Event::ClientError(ClientError::Other(reason)) if self.context.is_none() => {
                self.reason = BackendError::new(reason);
            }
            Event::ServerError(error) => self.reason = BackendError::new(error),
            _ => {}
        }
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
