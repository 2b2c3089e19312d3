use core::time::Duration;

/// Which stream it is, and how it is made if there is none.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) stream: String,
    pub(crate) subject: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) max_events: Option<u64>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) is_in_memory: bool,
    pub(crate) replicas: usize,
    pub(crate) publish_within: Duration,
}

impl Settings {
    /// Default maximum number of events in the stream: a million.
    pub const DEFAULT_MAX_EVENTS: u64 = 1_000_000;

    /// Default maximum number of bytes in the stream: 1 GiB.
    pub const DEFAULT_MAX_BYTES: u64 = 1024 * 1024 * 1024;

    /// Returns the settings of the stream `sse` with the subjects `sse.events` and `sse.events.>`, in files, without
    /// replicas, of up to a million events and 1 GiB.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the stream; and of the subject, which is the same with `.events` behind it, if
    /// no other is set.
    #[must_use]
    pub fn with_stream(mut self, name: impl Into<String>) -> Self {
        self.stream = name.into();
        self
    }

    /// Sets the subject of the events in NATS, below which each topic has its own: one without wildcards.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the JetStream domain that has the stream, for example that of a hub to which the server is a leaf node. By
    /// default, it is that of the server.
    #[must_use]
    pub fn with_domain(mut self, name: impl Into<String>) -> Self {
        self.domain = Some(name.into());
        self
    }

    /// Sets how many events the stream keeps, if it is made: a million by default; `None` for any
    /// number. A stream that there is keeps its limits, and a warning says how they differ.
    #[must_use]
    pub fn with_max_events(mut self, events: impl Into<Option<u64>>) -> Self {
        self.max_events = events.into();
        self
    }

    /// Sets how many bytes the stream keeps, if it is made: 1 GiB by default; `None` for any number.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.max_bytes = bytes.into();
        self
    }

    /// Sets how long the stream keeps an event, if it is made. By default, until there are too many; so it
    /// is with 0. NATS takes 100 ms and more, and what is more than 292 years counts as that.
    #[must_use]
    pub fn with_max_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.max_age = age.into();
        self
    }

    /// Has the stream made in the memory of NATS, not in files: faster, and gone with the server.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.is_in_memory = true;
        self
    }

    /// Sets on how many servers of a cluster the stream is, if it is made: 1 by default, 3 to survive
    /// the loss of one.
    #[must_use]
    pub fn with_replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Sets how long an event may take to be published before its publisher is told that it failed:
    /// 10 s by default, which is longer than a cluster takes to elect another leader.
    #[must_use]
    pub fn with_publish_within(mut self, limit: Duration) -> Self {
        self.publish_within = limit;
        self
    }
}

impl Default for Settings {
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
            publish_within: Duration::from_secs(10),
        }
    }
}
