use core::{error::Error, fmt, time::Duration};

/// Configuration of the JetStream stream.
///
/// The backend creates the stream with it if it does not exist. It never changes an existing stream.
///
/// ```
/// use std::time::Duration;
///
/// use sse_hub_nats::NatsConfig;
///
/// let config = NatsConfig::new()
///     .stream("orders")
///     .replicas(3)
///     .max_age(Duration::from_secs(24 * 60 * 60));
/// # drop(config);
/// ```
#[derive(Clone, Debug)]
pub struct NatsConfig {
    pub(crate) stream: String,
    pub(crate) subject: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) max_events: Option<u64>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) is_in_memory: bool,
    pub(crate) replicas: usize,
    pub(crate) publish_timeout: Duration,
}

impl NatsConfig {
    /// Default maximum number of events in the stream: a million.
    pub const DEFAULT_MAX_EVENTS: u64 = 1_000_000;

    /// Default maximum number of bytes in the stream: 1 GiB.
    pub const DEFAULT_MAX_BYTES: u64 = 1024 * 1024 * 1024;

    /// Creates the default configuration: stream `sse`, subjects `sse.events` and `sse.events.>`, in files, without
    /// replicas, with at most 1,000,000 events and 1 GiB.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the stream: `sse` by default. The subject is this name with `.events` after it, if
    /// [`subject`](Self::subject) sets no other one.
    #[must_use]
    pub fn stream(mut self, name: impl Into<String>) -> Self {
        self.stream = name.into();
        self
    }

    /// Sets the subject of the events in NATS, without wildcards. Each topic has its own subject below it.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the JetStream domain of the stream, for example that of a NATS hub if the server is a leaf node. By
    /// default, this is the server's own domain.
    #[must_use]
    pub fn domain(mut self, name: impl Into<String>) -> Self {
        self.domain = Some(name.into());
        self
    }

    /// Sets the maximum number of events that a new stream keeps: 1,000,000 by default, unlimited with `None` or 0.
    ///
    /// An existing stream keeps its limits. A warning logs the differences.
    #[must_use]
    pub fn max_events(mut self, events: impl Into<Option<u64>>) -> Self {
        self.max_events = events.into();
        self
    }

    /// Sets the maximum number of bytes that a new stream keeps: 1 GiB by default, unlimited with `None` or 0.
    ///
    /// An existing stream keeps its limits. A warning logs the differences.
    #[must_use]
    pub fn max_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.max_bytes = bytes.into();
        self
    }

    /// Sets the maximum age of events in a new stream. Unlimited by default, and with `None` or 0.
    ///
    /// The minimum of NATS is 100 ms. More than 292 years is reduced to that.
    #[must_use]
    pub fn max_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.max_age = age.into();
        self
    }

    /// Sets whether a new stream is in the memory of NATS instead of files. The default is `false`.
    ///
    /// Memory is faster, but the events are lost when the server stops.
    #[must_use]
    pub fn in_memory(mut self, enabled: bool) -> Self {
        self.is_in_memory = enabled;
        self
    }

    /// Sets the number of servers of a cluster that store a new stream: 1 by default. With 3, the stream survives the
    /// loss of one server.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Sets the timeout for publishing an event: 10 s by default, which is longer than a cluster takes to elect a new
    /// leader.
    ///
    /// After the timeout, the publisher gets an error. The event may have been stored nevertheless, if the
    /// acknowledgement of NATS was lost.
    #[must_use]
    pub fn publish_timeout(mut self, timeout: Duration) -> Self {
        self.publish_timeout = timeout;
        self
    }
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            stream: "sse".to_owned(),
            subject: None,
            domain: None,
            max_events: Some(Self::DEFAULT_MAX_EVENTS),
            max_bytes: Some(Self::DEFAULT_MAX_BYTES),
            max_age: None,
            is_in_memory: false,
            replicas: 1,
            publish_timeout: Duration::from_secs(10),
        }
    }
}

impl NatsConfig {
    /// Checks the names. Returns the subject of the stream.
    pub(crate) fn check(&self) -> Result<String, InvalidConfig> {
        let subject = self.base_subject();
        check_name("stream", &self.stream, &['.', '*', '>', '/', '\\'])?;
        check_name("subject", &subject, &['*', '>'])?;
        if subject.split('.').any(str::is_empty) {
            return Err(InvalidConfig(format!(
                "subject {subject:?} has an empty token"
            )));
        }
        if let Some(domain) = &self.domain {
            check_name("domain", domain, &['.', '*', '>'])?;
        }
        Ok(subject)
    }
}

/// Maximum length of a name in NATS, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Checks the name of a stream, a subject or a domain.
fn check_name(kind: &str, name: &str, forbidden: &[char]) -> Result<(), InvalidConfig> {
    if name.len() > MAX_NAME_BYTES {
        let bytes = name.len();
        let reason = format!("{kind} is {bytes} bytes, limit is {MAX_NAME_BYTES}");
        return Err(InvalidConfig(reason));
    }
    let is_bad = |character: char| {
        character.is_whitespace() || character.is_control() || forbidden.contains(&character)
    };
    match name.chars().find(|character| is_bad(*character)) {
        Some(bad) => Err(InvalidConfig(format!("{kind} {name:?} contains {bad:?}"))),
        None if name.is_empty() => Err(InvalidConfig(format!("{kind} name is empty"))),
        None => Ok(()),
    }
}

/// Error for an address of NATS, or the name of a stream, subject or domain, that is not valid.
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
