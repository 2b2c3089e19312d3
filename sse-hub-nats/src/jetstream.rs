use core::{error::Error, fmt};
use std::sync::Arc;

use async_nats::ConnectOptions;
use futures_core::{future::BoxFuture, stream::BoxStream};
use sse_hub::{Backend, BackendError, Post, Replayed, Selection, Update};

use crate::{
    Settings, address, follow,
    link::{Link, Options},
    replay,
    shared::Shared,
};

/// A stream of NATS JetStream, as the [`Backend`] of hubs. A clone is of the same connection.
#[derive(Clone)]
pub struct JetStream {
    shared: Arc<Shared>,
}

impl JetStream {
    /// A stream of the NATS at this address; at one of these, if there are commas between several:
    /// `nats://10.0.0.1:4222,nats://10.0.0.2:4222`. With `tls://` in place of `nats://` the connection
    /// is encrypted.
    ///
    /// A user and password, or a token, stand before the host: `nats://user:password@host`,
    /// `nats://token@host`. Each address has its own. What is neither a letter nor a digit in them is
    /// percent-encoded. They are in no error, no log and no `Debug` output.
    ///
    /// It returns at once. The connection is made, as often as need be, when the hub has work for it,
    /// within a runtime of tokio.
    ///
    /// # Errors
    ///
    /// If an address is not valid, or if the stream or its subject cannot have this name.
    pub fn connect(
        addresses: impl AsRef<str>,
        settings: Settings,
    ) -> Result<Self, InvalidSettings> {
        Self::with_options(addresses, settings, ConnectOptions::new)
    }

    /// Returns a stream whose connection has these options: a credentials file or an nkey (feature
    /// `nkeys`), a client certificate, a private root certificate.
    ///
    /// ```no_run
    /// use sse_hub_nats::{JetStream, Settings, async_nats::ConnectOptions};
    ///
    /// let nats = JetStream::with_options("tls://nats.internal", Settings::default(), || {
    ///     ConnectOptions::new()
    ///         .add_root_certificates("ca.pem".into())
    ///         .add_client_certificate("hub.pem".into(), "hub.key".into())
    /// })?;
    /// # Ok::<_, sse_hub_nats::InvalidSettings>(())
    /// ```
    ///
    /// `options` is called for each attempt to make a client. The credentials in an address replace those of
    /// the same kind in the options. How the client reconnects, how often it pings and what hears of its
    /// events is set here.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub fn with_options(
        addresses: impl AsRef<str>,
        settings: Settings,
        options: impl Fn() -> ConnectOptions + Send + Sync + 'static,
    ) -> Result<Self, InvalidSettings> {
        Self::new(addresses.as_ref(), settings, Box::new(options))
    }

    fn new(
        addresses: &str,
        settings: Settings,
        options: Box<Options>,
    ) -> Result<Self, InvalidSettings> {
        let groups = address::parse(addresses)?;
        let subject = settings.subject();
        check("stream", &settings.stream, &['.', '*', '>', '/', '\\'])?;
        check("subject", &subject, &['*', '>'])?;
        if subject.split('.').any(str::is_empty) {
            return Err(InvalidSettings(format!(
                "subject {subject:?}: nothing beside a `.`"
            )));
        }
        if let Some(domain) = &settings.domain {
            check("domain", domain, &['.', '*', '>'])?;
        }
        let link = Link::new(groups, options, settings.domain.clone());
        Ok(Self {
            shared: Arc::new(Shared::new(link, settings, subject)),
        })
    }
}

/// The longest name of a stream that NATS takes, in bytes.
const MAX_NAME: usize = 255;

fn check(what: &str, name: &str, forbidden: &[char]) -> Result<(), InvalidSettings> {
    if name.len() > MAX_NAME {
        let bytes = name.len();
        let reason = format!("{what} is {bytes} bytes, limit is {MAX_NAME}");
        return Err(InvalidSettings(reason));
    }
    let is_bad = |it: char| it.is_whitespace() || it.is_control() || forbidden.contains(&it);
    match name.chars().find(|it| is_bad(*it)) {
        Some(bad) => Err(InvalidSettings(format!("{what} {name:?}: {bad:?} in it"))),
        None if name.is_empty() => Err(InvalidSettings(format!("{what} \"\": it has no name"))),
        None => Ok(()),
    }
}

impl Backend for JetStream {
    fn publish<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(self.shared.publish(post))
    }

    fn follow(&self, newest: usize) -> BoxStream<'static, Update> {
        Box::pin(follow::follow(Arc::clone(&self.shared), newest))
    }

    fn replay(
        &self,
        after: u64,
        through: u64,
        selection: &Selection,
    ) -> BoxStream<'static, Replayed> {
        let shared = Arc::clone(&self.shared);
        Box::pin(replay::replay(shared, after, through, selection.clone()))
    }

    fn newest(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
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
            .field("settings", &self.shared.settings)
            .finish()
    }
}

/// What is wrong with an address or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSettings(String);

impl InvalidSettings {
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }
}

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for InvalidSettings {}
