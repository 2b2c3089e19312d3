use core::{error::Error, fmt};
use std::sync::Arc;

use async_nats::ConnectOptions;
use futures_core::{future::BoxFuture, stream::BoxStream};
use sse_hub::{Backend, BackendError, Publication, Replayed, TopicFilters, Update};

use crate::{
    NatsConfig, address, follow,
    link::{Link, Options},
    replay,
    shared::Shared,
};

/// [`Backend`] for hubs on a stream of NATS JetStream. Clones share the connection.
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
    /// This function returns at once. The backend connects when the hub needs it, and reconnects as often as necessary.
    /// This needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if an address is not valid, or if the name of the stream, its subject or its domain is not
    /// valid.
    pub fn connect(addresses: impl AsRef<str>, config: NatsConfig) -> Result<Self, InvalidConfig> {
        Self::with_options(addresses, config, ConnectOptions::new)
    }

    /// Creates a backend whose connection has these options.
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
    /// [`InvalidConfig`], as from [`connect`](Self::connect).
    pub fn with_options(
        addresses: impl AsRef<str>,
        config: NatsConfig,
        options: impl Fn() -> ConnectOptions + Send + Sync + 'static,
    ) -> Result<Self, InvalidConfig> {
        Self::new(addresses.as_ref(), config, Box::new(options))
    }

    fn new(
        addresses: &str,
        config: NatsConfig,
        options: Box<Options>,
    ) -> Result<Self, InvalidConfig> {
        let groups = address::parse(addresses)?;
        let subject = config.base_subject();
        check("stream", &config.stream, &['.', '*', '>', '/', '\\'])?;
        check("subject", &subject, &['*', '>'])?;
        if subject.split('.').any(str::is_empty) {
            return Err(InvalidConfig(format!(
                "subject {subject:?} has an empty token"
            )));
        }
        if let Some(domain) = &config.domain {
            check("domain", domain, &['.', '*', '>'])?;
        }
        let link = Link::new(groups, options, config.domain.clone());
        Ok(Self {
            shared: Arc::new(Shared::new(link, config, subject)),
        })
    }
}

/// Maximum length of a name in NATS, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Checks the name of a stream, a subject or a domain.
fn check(what: &str, name: &str, forbidden: &[char]) -> Result<(), InvalidConfig> {
    if name.len() > MAX_NAME_BYTES {
        let bytes = name.len();
        let reason = format!("{what} is {bytes} bytes, limit is {MAX_NAME_BYTES}");
        return Err(InvalidConfig(reason));
    }
    let is_bad = |character: char| {
        character.is_whitespace() || character.is_control() || forbidden.contains(&character)
    };
    match name.chars().find(|character| is_bad(*character)) {
        Some(bad) => Err(InvalidConfig(format!("{what} {name:?} contains {bad:?}"))),
        None if name.is_empty() => Err(InvalidConfig(format!("{what} name is empty"))),
        None => Ok(()),
    }
}

impl Backend for JetStream {
    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(self.shared.publish(publication))
    }

    fn follow(&self, newest: usize) -> BoxStream<'static, Update> {
        Box::pin(follow::follow(Arc::clone(&self.shared), newest))
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
        Box::pin(async move { shared.newest().await })
    }

    fn epoch(&self) -> u64 {
        self.shared.epoch()
    }
}

impl fmt::Debug for JetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStream")
            .field("place", &self.shared.link.place())
            .field("config", &self.shared.config)
            .finish()
    }
}

/// Error for an invalid address or name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConfig(String);

impl InvalidConfig {
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for InvalidConfig {}
