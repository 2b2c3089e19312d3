use std::sync::Arc;

use sse_hyper::Event;

use crate::Topics;

/// An event with where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Post {
    /// What it is about.
    pub topics: Topics,
    /// The event. An ID that it has is replaced by the hub's.
    pub event: Event,
    /// What it is the state of. An event replaces older ones with the same key and the same topics: for
    /// subscribers that want [the latest](crate::Slow::Latest), and in what outlives the log.
    pub key: Option<Arc<str>>,
}

impl Post {
    /// An event without a key.
    pub fn new(topics: impl Into<Topics>, event: Event) -> Self {
        Self {
            topics: topics.into(),
            event,
            key: None,
        }
    }

    /// Sets what it is the state of: the symbol of a stock whose price it is.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }
}

impl<T: Into<Topics>> From<(T, Event)> for Post {
    fn from((topics, event): (T, Event)) -> Self {
        Self::new(topics, event)
    }
}

/// An event with the number that the hub or its backend has given it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Numbered {
    /// Greater than those of all events before it.
    pub number: u64,
    /// The event.
    pub post: Post,
}

impl Numbered {
    /// The event that has this number.
    pub fn new(number: u64, post: Post) -> Self {
        Self { number, post }
    }
}

/// What stands for the state that an event is of: its topics and its key.
pub(crate) type Key = (Topics, Arc<str>);

/// How many bytes the end of a line in data is longer on the wire: a field name comes after it.
const LINE_END: usize = "data: ".len();

impl Post {
    /// How much of it is of a length that its publisher chooses, in bytes on the wire.
    pub(crate) fn size(&self) -> usize {
        let data = self.event.data();
        let line_ends = data.bytes().filter(|it| matches!(it, b'\n' | b'\r'));
        let line_ends = line_ends.count().saturating_mul(LINE_END);
        let key = self.key.as_ref().map_or(0, |key| key.len());
        self.event_type().len() + data.len() + line_ends + key
    }

    /// The event's type; empty if it is the default one, which is not written.
    pub(crate) fn event_type(&self) -> &str {
        match self.event.event_type() {
            "message" => "",
            other => other,
        }
    }

    pub(crate) fn key(&self) -> Option<Key> {
        Some((self.topics.clone(), self.key.clone()?))
    }
}
