use std::sync::Arc;

use sse_hyper::Event;

use crate::Topics;

/// Event together with its topics and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publication {
    /// Topics that the event is published to.
    pub topics: Topics,
    /// Event to publish. The hub replaces its ID.
    pub event: Event,
    /// Compaction key, for example a stock symbol. The event replaces earlier ones with the same key and the same
    /// topics. This holds for subscribers with [`LagPolicy::Latest`](crate::LagPolicy::Latest), and for events that are
    /// [kept by key](crate::Retention#structfield.keys) after they leave the log.
    pub key: Option<Arc<str>>,
}

impl Publication {
    /// Creates a publication without a key.
    pub fn new(topics: impl Into<Topics>, event: Event) -> Self {
        Self {
            topics: topics.into(),
            event,
            key: None,
        }
    }

    /// Sets the [compaction key](Self#structfield.key), for example the symbol of a stock whose price this is.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }
}

impl<T: Into<Topics>> From<(T, Event)> for Publication {
    fn from((topics, event): (T, Event)) -> Self {
        Self::new(topics, event)
    }
}

/// Publication with the number that the hub or its backend has given it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sequenced {
    /// Number of the event. It is greater than the numbers of all earlier events.
    pub number: u64,
    /// Event with its topics and its key.
    pub publication: Publication,
}

impl Sequenced {
    /// Creates a publication with this number.
    pub fn new(number: u64, publication: Publication) -> Self {
        Self {
            number,
            publication,
        }
    }
}

/// Compaction key of an event, together with its topics: an event replaces earlier ones for which both are equal.
pub(crate) type Key = (Topics, Arc<str>);

/// Number of bytes that each further line of the data adds on the wire: the field name before it.
const FIELD_NAME_BYTES: usize = "data: ".len();

impl Publication {
    /// Returns the size that counts for the limit: bytes of type, data and key, as on the wire.
    pub(crate) fn size(&self) -> usize {
        let data = self.event.data();
        let line_ends = data.bytes().filter(|it| matches!(it, b'\n' | b'\r'));
        let line_ends = line_ends.count().saturating_mul(FIELD_NAME_BYTES);
        let key = self.key.as_ref().map_or(0, |key| key.len());
        self.event_type().len() + data.len() + line_ends + key
    }

    /// Returns the event's type. Empty for the default type `message`, which is not written.
    pub(crate) fn event_type(&self) -> &str {
        match self.event.event_type() {
            "message" => "",
            other => other,
        }
    }

    /// Returns the compaction key with the topics. `None` if the event has no key.
    pub(crate) fn key(&self) -> Option<Key> {
        Some((self.topics.clone(), self.key.clone()?))
    }
}
