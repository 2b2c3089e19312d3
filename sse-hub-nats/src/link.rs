//! The connection to NATS, as long as it takes to have one.
//!
//! The client of `async_nats` connects again by itself, but what was under way is lost with the old
//! connection. So all work belongs to one life of it: [`Link::up`] gives a [`Life`], and
//! [`Life::down`] says when it is over.
//!
//! A message with headers that the client cannot read can end its task for good
//! ([nats.rs#1612](https://github.com/nats-io/nats.rs/pull/1612)). Then there is another client.

use core::{fmt, time::Duration};
use std::sync::Arc;

use async_nats::{
    ClientError, ConnectOptions, Event, ServerAddr,
    jetstream::{Context, context::ContextBuilder},
};
use sse_hub::BackendError;
use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};

use crate::backoff::{self, Backoff};

/// How long NATS may take to answer anything. To ask again does no harm.
const ANSWER: Duration = Duration::from_secs(3);

/// How often a quiet connection is tried. It is given up when two tries have failed.
const PING: Duration = Duration::from_secs(5);

/// Makes what a client is made with.
pub(crate) type Options = dyn Fn() -> ConnectOptions + Send + Sync;

pub(crate) struct Link {
    addresses: Vec<ServerAddr>,
    place: Arc<str>,
    options: Box<Options>,
    client: Mutex<Option<Client>>,
}

/// A client of `async_nats`, connected or not.
#[derive(Clone)]
struct Client {
    context: Context,
    /// Closed when its task has ended.
    status: watch::Receiver<Status>,
}

#[derive(Clone, Debug)]
struct Status {
    is_up: bool,
    /// How many connections there were.
    lives: u64,
    /// Why there is none.
    reason: String,
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
    pub(crate) fn new(addresses: Vec<ServerAddr>, options: Box<Options>) -> Self {
        // Not the whole addresses: there may be passwords in them.
        let place: Vec<_> = addresses
            .iter()
            .map(|it| format!("{}:{}", it.host(), it.port()))
            .collect();
        Self {
            addresses,
            place: place.join(", ").into(),
            options,
            client: Mutex::default(),
        }
    }

    /// Waits until there is a connection.
    pub(crate) async fn up(&self) -> Life {
        let mut backoff = Backoff::default();
        loop {
            let mut client = self.client().await;
            // The guard of the status is not to be held over what comes.
            let lives = client
                .status
                .wait_for(|it| it.is_up)
                .await
                .map(|it| it.lives);
            if let Ok(number) = lives {
                return Life {
                    context: client.context,
                    number,
                    status: client.status,
                    place: Arc::clone(&self.place),
                };
            }
            backoff.wait().await;
        }
    }

    /// The same, but not for longer than this.
    pub(crate) async fn up_within(&self, limit: Duration) -> Result<Life, BackendError> {
        if let Ok(life) = timeout(limit, self.up()).await {
            return Ok(life);
        }
        let client = self.client().await;
        let reason = client.status.borrow().reason.clone();
        Err(not_connected(&self.place, &reason))
    }

    /// Where NATS is.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    async fn client(&self) -> Client {
        let mut now = self.client.lock().await;
        if let Some(client) = &*now
            && client.status.has_changed().is_ok()
        {
            return client.clone();
        }
        let mut backoff = Backoff::default();
        loop {
            match self.connect().await {
                Ok(client) => return now.insert(client).clone(),
                // It does not fail but by its options, which may differ the next time.
                Err(error) => {
                    tracing::error!(place = &*self.place, %error, "cannot make a client of NATS");
                    backoff.wait().await;
                }
            }
        }
    }

    /// Gives a client that goes on to connect by itself.
    async fn connect(&self) -> Result<Client, async_nats::ConnectError> {
        let (sender, status) = watch::channel(Status {
            is_up: false,
            lives: 0,
            reason: "it takes long".to_owned(),
        });
        let options = (self.options)()
            .retry_on_initial_connect()
            .max_reconnects(None)
            .ping_interval(PING)
            .reconnect_delay_callback(|attempts| {
                backoff::delay(u32::try_from(attempts).unwrap_or(u32::MAX))
            })
            .event_callback(move |event| {
                sender.send_modify(|status| status.on(&event));
                core::future::ready(())
            });
        let client = options.connect(self.addresses.clone()).await?;
        let context = ContextBuilder::new().timeout(ANSWER).build(client);
        Ok(Client { context, status })
    }
}

impl Status {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Connected => {
                self.is_up = true;
                self.lives += 1;
            }
            Event::Disconnected | Event::Closed => {
                self.is_up = false;
                "the connection has ended".clone_into(&mut self.reason);
            }
            Event::ClientError(ClientError::Other(reason)) if !self.is_up => {
                self.reason.clone_from(reason);
            }
            Event::ServerError(error) => self.reason = error.to_string(),
            _ => {}
        }
    }
}

impl Life {
    /// Waits until the connection has ended, and says so.
    pub(crate) async fn down(&self) -> BackendError {
        let mut status = self.status.clone();
        let ended = status.wait_for(|it| !it.is_up || it.lives != self.number);
        let reason = match ended.await {
            Ok(status) => status.reason.clone(),
            Err(_) => "the client has ended".to_owned(),
        };
        not_connected(&self.place, &reason)
    }

    /// What has failed.
    pub(crate) fn error(&self, what: &str, error: impl fmt::Display) -> BackendError {
        BackendError::new(format!("NATS at {}: {what}: {error}", self.place))
    }
}

fn not_connected(place: &str, reason: &str) -> BackendError {
    BackendError::new(format!("not connected to NATS at {place}: {reason}"))
}
