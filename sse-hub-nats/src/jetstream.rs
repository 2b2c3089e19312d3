//! The backend, and the state that its operations share.

use core::{
    error::Error,
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::sync::Arc;

use async_nats::{ConnectOptions, HeaderMap, jetstream::stream::Stream};
use futures_core::{future::BoxFuture, stream::BoxStream};
use sse_hub::{Backend, BackendError, Publication, Replayed, TopicFilters, Topics, Update};
use tokio::sync::Semaphore;

use crate::{
    InvalidConfig, NatsConfig, address,
    connection::{Backoff, ConnectionEpoch, ConnectionManager, Options},
    error::Refusals,
    follow,
    message::{self, InvalidMessage},
    peers::Peers,
    replay, stream,
};

/// [`Backend`] for hubs on a stream of NATS JetStream. Pass it to [`Hub::with_backend`](sse_hub::Hub::with_backend).
///
/// Clones share the connection.
#[derive(Clone)]
pub struct JetStream {
    shared: Arc<Shared>,
}

impl JetStream {
    /// Creates a backend for the NATS server at this address, or at one of several comma-separated addresses:
    /// `nats://10.0.0.1:4222,nats://10.0.0.2:4222`.
    ///
    /// The connection is encrypted with `tls://` instead of `nats://`.
    ///
    /// Write a user and password, or a token, before the host: `nats://user:password@host`, `nats://token@host`. Each
    /// address has its own credentials. Percent-encode characters in them that are not letters or digits. No error, log
    /// or `Debug` output contains them.
    ///
    /// This does not connect. The backend connects when the hub needs it, and reconnects as often as necessary. It
    /// needs a tokio runtime then.
    ///
    /// ```
    /// use sse_hub_nats::{JetStream, NatsConfig};
    ///
    /// let nats = JetStream::new("nats://10.0.0.1:4222,nats://10.0.0.2:4222", NatsConfig::new())?;
    /// # drop(nats);
    /// # Ok::<_, sse_hub_nats::InvalidConfig>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if an address is not valid, or if the name of the stream, its subject or its domain is not
    /// valid.
    pub fn new(addresses: impl AsRef<str>, config: NatsConfig) -> Result<Self, InvalidConfig> {
        Self::with_options(addresses, config, ConnectOptions::new)
    }

    /// Creates a backend whose connections have these options.
    ///
    /// The options can set, for example, a client certificate, a private root certificate, or (with the feature
    /// `nkeys`) a credentials file or an nkey.
    ///
    /// ```no_run
    /// use sse_hub_nats::{JetStream, NatsConfig, async_nats::ConnectOptions};
    ///
    /// let nats = JetStream::with_options("tls://nats.internal", NatsConfig::default(), || {
    ///     ConnectOptions::new()
    ///         .add_root_certificates("ca.pem".into())
    ///         .add_client_certificate("hub.pem".into(), "hub.key".into())
    /// })?;
    /// # Ok::<_, sse_hub_nats::InvalidConfig>(())
    /// ```
    ///
    /// The backend calls `options` each time that it creates a client. Credentials in an address replace those of the
    /// same kind in the options. The backend overrides the options for reconnecting, the ping interval and the event
    /// callback.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] for the same reasons as [`new`](Self::new).
    pub fn with_options(
        addresses: impl AsRef<str>,
        config: NatsConfig,
        options: impl Fn() -> ConnectOptions + Send + Sync + 'static,
    ) -> Result<Self, InvalidConfig> {
        Self::from_parts(addresses.as_ref(), config, Box::new(options))
    }

    /// Returns a channel of this name for requests between all nodes of the stream.
    ///
    /// The name is a token of a subject: letters, digits, `-` and `_`.
    pub fn peers(&self, name: &str) -> Peers {
        Peers::new(Arc::clone(&self.shared), &self.shared.config.stream, name)
    }

    fn from_parts(
        addresses: &str,
        config: NatsConfig,
        options: Box<Options>,
    ) -> Result<Self, InvalidConfig> {
        let groups = address::parse(addresses)?;
        let subject = config.check()?;
        let connections = ConnectionManager::new(groups, options, config.domain.clone());
        Ok(Self {
            shared: Arc::new(Shared::new(connections, config, subject)),
        })
    }
}

impl Backend for JetStream {
    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(self.shared.publish(publication))
    }

    fn follow(&self, initial_events: usize) -> BoxStream<'static, Update> {
        Box::pin(follow::follow(Arc::clone(&self.shared), initial_events))
    }

    fn replay(
        &self,
        after: u64,
        through: u64,
        filters: &TopicFilters,
    ) -> BoxStream<'static, Replayed> {
        let shared = Arc::clone(&self.shared);
        Box::pin(replay::replay(shared, after, through, filters.clone()))
    }

    fn latest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.bounds().await?.1) })
    }

    fn earliest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.bounds().await?.0) })
    }

    fn epoch(&self) -> u64 {
        self.shared.epoch()
    }
}

impl fmt::Debug for JetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStream")
            .field("addresses", &self.shared.connections.addresses())
            .field("config", &self.shared.config)
            .finish()
    }
}

/// Maximum number of subscribers that are served from NATS at a time.
const MAX_CONCURRENT_REPLAYS: usize = 32;

/// State that all operations on one stream of NATS share.
pub(crate) struct Shared {
    pub(crate) connections: ConnectionManager,
    pub(crate) config: NatsConfig,
    pub(crate) subject: String,
    /// Limits the requests for single subscribers. Each takes a permit.
    pub(crate) permits: Semaphore,
    /// The stream exists and has a valid configuration.
    has_stream: AtomicBool,
    /// Epoch of the stream when it was first seen, and then that of the stream that is followed. If the stream was
    /// created again, the hub still has sequences of the earlier one.
    epoch: AtomicU64,
    /// Topics have their own subjects in the stream.
    has_topics: AtomicBool,
    /// The configuration of an existing stream was compared with that of this node.
    is_compared: AtomicBool,
}

impl Shared {
    pub(crate) fn new(connections: ConnectionManager, config: NatsConfig, subject: String) -> Self {
        Self {
            connections,
            config,
            subject,
            permits: Semaphore::new(MAX_CONCURRENT_REPLAYS),
            has_stream: AtomicBool::new(false),
            epoch: AtomicU64::new(0),
            has_topics: AtomicBool::new(false),
            is_compared: AtomicBool::new(false),
        }
    }

    /// Returns the stream with its current state. Creates it if it is missing.
    pub(crate) async fn stream(
        &self,
        connection: &ConnectionEpoch,
    ) -> Result<Stream, BackendError> {
        let stream = self.config.open_stream(connection).await?;
        if self.epoch() == 0 {
            self.set_epoch(stream::epoch(stream.cached_info()));
        }
        let has_topics = stream.cached_info().config.subjects.len() > 1;
        self.has_topics.store(has_topics, Ordering::Relaxed);
        self.has_stream.store(true, Ordering::Relaxed);
        if !self.is_compared.swap(true, Ordering::Relaxed) {
            self.config.compare(&stream.cached_info().config);
        }
        Ok(stream)
    }

    /// Creates the stream if it is missing, unless it is known to exist.
    pub(crate) async fn ensure_stream(
        &self,
        connection: &ConnectionEpoch,
    ) -> Result<(), BackendError> {
        if !self.has_stream.load(Ordering::Relaxed) {
            self.stream(connection).await?;
        }
        Ok(())
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    pub(crate) fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    /// Returns the subject of an event with these topics.
    pub(crate) fn subject(&self, topics: &Topics) -> String {
        match self.has_topics.load(Ordering::Relaxed) {
            true => message::subject_for_event(&self.subject, topics),
            false => self.subject.clone(),
        }
    }

    /// Returns the subjects that events of these filters have. `None` to read all messages.
    pub(crate) fn filters(&self, filters: &TopicFilters) -> Option<Vec<String>> {
        let has_topics = self.has_topics.load(Ordering::Relaxed);
        has_topics.then(|| message::subjects_for_filters(&self.subject, filters))?
    }

    /// Decodes a message of the stream.
    pub(crate) fn decode(
        &self,
        subject: &str,
        headers: Option<&HeaderMap>,
        payload: &[u8],
    ) -> Result<Publication, InvalidMessage> {
        let publication = message::decode(headers, payload)?;
        match message::subject_matches_event(subject, &self.subject, &publication.topics) {
            true => Ok(publication),
            false => Err(InvalidMessage::Subject),
        }
    }

    /// Notes that the stream may not exist any more.
    pub(crate) fn forget_stream(&self) {
        self.has_stream.store(false, Ordering::Relaxed);
    }

    /// Logs that a message is skipped because it is not an event.
    pub(crate) fn warn_skipped(&self, sequence: u64, reason: &InvalidMessage) {
        let stream = &self.config.stream;
        tracing::warn!(stream, sequence, %reason, "skipped a message that is not an event");
    }

    /// Returns the sequences of the earliest and of the latest message. Repeats the request until there is an answer, or
    /// until it was refused for some time.
    pub(crate) async fn bounds(&self) -> Result<(u64, u64), BackendError> {
        let mut backoff = Backoff::default();
        let mut refusals = Refusals::default();
        loop {
            let connection = self.connections.connected().await;
            // The semaphore is never closed.
            let permit = self.permits.acquire().await;
            match self.stream(&connection).await {
                Ok(stream) => return Ok(stream::bounds(stream.cached_info())),
                Err(error) if refusals.are_final(&error) => return Err(error),
                Err(error) => {
                    let error: &(dyn Error + 'static) = &error;
                    tracing::debug!(
                        error,
                        "cannot get the sequences of the stream, trying again"
                    );
                }
            }
            drop(permit);
            backoff.wait().await;
        }
    }
}
