//! Publications: events with their topics, the checks before they are published, and the errors of publishing.

use core::{error::Error, fmt, ops::RangeInclusive, time::Duration};
use std::sync::Arc;

use crate::{BackendError, Event, HubConfig, Topics};

/// Event with its topics and an optional compaction key, for [`Hub::publish`](crate::Hub::publish).
///
/// A pair of topics and event converts into a publication without a key.
///
/// ```
/// use sse_hub::{Event, Publication, Topic};
///
/// let price = Publication::new(Topic::new("stocks")?, Event::new("42.5")).with_key("ACME");
/// # drop(price);
/// # Ok::<(), sse_hub::InvalidTopic>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publication {
    /// Topics that the event is published to.
    pub topics: Topics,
    /// Event to publish. The hub replaces its ID, unless [`HubConfig::publisher_ids`] is set.
    pub event: Event,
    /// Compaction key, for example a stock symbol: the event replaces earlier ones with the same key and topics.
    ///
    /// This applies to subscribers with [`LagPolicy::Latest`](crate::LagPolicy::Latest), and to events that are
    /// [kept by key](crate::Retention#structfield.keys) after they leave the log.
    pub key: Option<Arc<str>>,
    /// The event is private: a subscriber receives it only if it may read
    /// [private events](crate::SubscriptionBuilder::private_topics) of one of its topics.
    pub private: bool,
}

impl Publication {
    /// Creates a publication without a key, which is not private.
    pub fn new(topics: impl Into<Topics>, event: Event) -> Self {
        Self {
            topics: topics.into(),
            event,
            key: None,
            private: false,
        }
    }

    /// Sets the [compaction key](Self#structfield.key), for example the symbol of a stock whose price this is.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets whether the event is [private](Self#structfield.private).
    #[must_use]
    pub fn with_private(mut self, private: bool) -> Self {
        self.private = private;
        self
    }
}

impl<T: Into<Topics>> From<(T, Event)> for Publication {
    fn from((topics, event): (T, Event)) -> Self {
        Self::new(topics, event)
    }
}

/// Publication with its sequence, which a [`Backend`](crate::Backend) gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sequenced {
    /// Sequence of the event, which is greater than the sequences of all earlier events.
    pub sequence: u64,
    /// Event with its topics and its key.
    pub publication: Publication,
}

impl Sequenced {
    /// Creates a publication with this sequence.
    pub fn new(sequence: u64, publication: Publication) -> Self {
        Self {
            sequence,
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
        let line_ends = data.bytes().filter(|byte| matches!(byte, b'\n' | b'\r'));
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

impl HubConfig {
    /// Checks an event before it is published, kept or sent.
    pub(crate) fn check(&self, publication: &Publication) -> Result<(), PublishError> {
        let event_type = publication.event_type();
        let (bytes, limit) = (event_type.len(), self.max_type);
        if bytes > limit {
            return Err(PublishError::TypeTooLong { bytes, limit });
        }
        if self.is_reserved(event_type) {
            return Err(PublishError::ReservedType(event_type.to_owned()));
        }
        let (bytes, limit) = (
            publication.key.as_ref().map_or(0, |key| key.len()),
            self.max_key,
        );
        if bytes > limit {
            return Err(PublishError::KeyTooLong { bytes, limit });
        }
        let id = publication.event.id().filter(|_| self.publisher_ids);
        let (bytes, limit) = (id.map_or(0, |id| id.as_str().len()), self.max_id);
        if bytes > limit {
            return Err(PublishError::IdTooLong { bytes, limit });
        }
        let (bytes, limit) = (publication.size(), self.max_event);
        if bytes > limit {
            return Err(PublishError::TooLarge { bytes, limit });
        }
        match publication.event.retry() {
            Some(retry) if !self.event_retry.contains(&retry) => Err(PublishError::Retry {
                retry,
                allowed: self.event_retry.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// Error of publishing an event, from [`Hub::publish`](crate::Hub::publish).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The event is larger than the [limit](HubConfig::max_event_bytes).
    TooLarge {
        /// Size of the event, in bytes.
        bytes: usize,
        /// Maximum size, in bytes.
        limit: usize,
    },
    /// The event's type is longer than the [limit](HubConfig::max_event_type_bytes).
    TypeTooLong {
        /// Length of the type, in bytes.
        bytes: usize,
        /// Maximum length, in bytes.
        limit: usize,
    },
    /// The event's key is longer than the [limit](HubConfig::max_key_bytes).
    KeyTooLong {
        /// Length of the key, in bytes.
        bytes: usize,
        /// Maximum length, in bytes.
        limit: usize,
    },
    /// The event's ID is longer than the [limit](HubConfig::max_event_id_bytes).
    IdTooLong {
        /// Length of the ID, in bytes.
        bytes: usize,
        /// Maximum length, in bytes.
        limit: usize,
    },
    /// The event has this type, which is [reserved](HubConfig::reserved_event_types).
    ReservedType(String),
    /// The event's reconnection time is [not allowed](HubConfig::allowed_retry).
    Retry {
        /// Reconnection time of the event.
        retry: Duration,
        /// Allowed reconnection times.
        allowed: RangeInclusive<Duration>,
    },
    /// The hub has a backend, so [`Hub::try_publish`](crate::Hub::try_publish) cannot publish without waiting.
    WouldBlock,
    /// The backend did not accept the event.
    Backend(BackendError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(f, "event is {bytes} bytes, limit is {limit}")
            }
            Self::TypeTooLong { bytes, limit } => {
                write!(f, "event type is {bytes} bytes, limit is {limit}")
            }
            Self::KeyTooLong { bytes, limit } => {
                write!(f, "key is {bytes} bytes, limit is {limit}")
            }
            Self::IdTooLong { bytes, limit } => {
                write!(f, "event ID is {bytes} bytes, limit is {limit}")
            }
            Self::ReservedType(name) => write!(f, "event type {name:?} is reserved"),
            Self::Retry { retry, allowed } => write!(
                f,
                "reconnection time is {} ms, allowed is {} to {} ms",
                retry.as_millis(),
                allowed.start().as_millis(),
                allowed.end().as_millis()
            ),
            Self::WouldBlock => f.write_str("hub has a backend, so publishing must wait"),
            Self::Backend(_) => f.write_str("backend did not accept the event"),
        }
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Backend(error) => Some(error),
            _ => None,
        }
    }
}

impl From<BackendError> for PublishError {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventType, Topic};

    fn check(
        config: &HubConfig,
        change: impl FnOnce(Publication) -> Publication,
    ) -> Result<(), String> {
        let publication = Publication::new(Topic::new("t").unwrap(), Event::new("data"));
        config
            .check(&change(publication))
            .map_err(|error| error.to_string())
    }

    fn of_type(event_type: &'static str) -> impl FnOnce(Publication) -> Publication {
        move |mut publication| {
            publication.event = publication
                .event
                .with_type(EventType::new(event_type).unwrap());
            publication
        }
    }

    #[test]
    fn types_of_the_hub_and_of_browsers_are_reserved() {
        let config = HubConfig::new();
        for name in ["reset", "lagged", "denied", "position", "error", "open"] {
            let refused = Err(format!("event type {name:?} is reserved"));
            assert_eq!(check(&config, of_type(name)), refused);
        }
        for name in ["message", "Error", "opened", " reset"] {
            assert_eq!(check(&config, of_type(name)), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn other_types_can_be_reserved() {
        let config = HubConfig::new().reserved_event_types(["closing"]);
        for name in ["closing", "reset", "lagged", "denied", "position"] {
            assert!(check(&config, of_type(name)).is_err(), "{name:?}");
        }
        for name in ["error", "open"] {
            assert_eq!(check(&config, of_type(name)), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn lengths_and_times_have_limits() {
        let config = HubConfig::new()
            .max_event_type_bytes(3)
            .max_key_bytes(2)
            .max_event_bytes(8);
        let config = config.allowed_retry(Duration::from_secs(1)..=Duration::from_secs(9));
        let retry = |millis| {
            move |publication: Publication| Publication {
                event: publication.event.with_retry(Duration::from_millis(millis)),
                ..publication
            }
        };
        let error = |text: &str| Err(text.to_owned());
        assert_eq!(check(&config, of_type("abc")), Ok(()));
        assert_eq!(
            check(&config, of_type("abcd")),
            error("event type is 4 bytes, limit is 3")
        );
        assert_eq!(
            check(&config, |publication| publication.with_key("ab")),
            Ok(())
        );
        assert_eq!(
            check(&config, |publication| publication.with_key("abc")),
            error("key is 3 bytes, limit is 2")
        );
        assert_eq!(
            check(&config, |publication| of_type("abc")(
                publication.with_key("ab")
            )),
            error("event is 9 bytes, limit is 8")
        );
        for (time, is_allowed) in [(999, false), (1000, true), (9000, true), (9001, false)] {
            assert_eq!(check(&config, retry(time)).is_ok(), is_allowed, "{time}");
        }
        assert_eq!(
            check(&config, retry(u64::MAX)),
            error("reconnection time is 18446744073709551615 ms, allowed is 1000 to 9000 ms")
        );
    }
}
