//! Event of the log, with its memory and the work of matching it.

use std::{sync::Arc, time::Instant};

use crate::{
    Encoded, EventId, Topic, TopicFilter, TopicFilters, Topics, audience::Audience,
    publication::Key,
};

/// Number of bytes of a topic or a key that are one more unit of work.
const BYTES_PER_WORK: usize = 16;

/// Memory of an [`Encoded`] event in addition to its bytes, in bytes: unused capacity, and the count of its clones.
const BLOCK_OVERHEAD: usize = 64;

/// Memory of a compressed form in addition to its bytes, in bytes.
#[cfg(feature = "gzip")]
const DEFLATED_OVERHEAD: usize = 96;

/// Kept event, encoded with its ID.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) topics: Topics,
    /// Only subscribers that may receive private events of one of the topics receive it.
    pub(crate) is_private: bool,
    pub(crate) key: Option<Key>,
    /// ID that the publisher has given the event.
    pub(crate) id: Option<EventId>,
    pub(crate) block: Encoded,
    pub(crate) appended_at: Instant,
}

impl Entry {
    /// Returns the approximate size in memory in bytes, as if it shared its topics with no other event.
    pub(crate) fn size(&self) -> usize {
        let topics = shared(self.topics.iter().len() * size_of::<Topic>());
        let texts = self.topics.iter().map(|topic| shared(topic.as_str().len()));
        // Maps have more capacity than entries.
        let key = self.key.as_ref().map_or(0, |(_, key)| {
            shared(key.len()) + 2 * size_of::<(Key, u64)>()
        });
        let id = self.id.as_ref().map_or(0, |id| {
            2 * shared(id.as_str().len()) + 2 * size_of::<(EventId, u64)>()
        });
        let block = allocated(self.block.len()) + allocated(BLOCK_OVERHEAD);
        // The compressed form is at most a little longer.
        #[cfg(feature = "gzip")]
        let block = match self.block.keeps_deflated() {
            true => 2 * block + allocated(DEFLATED_OVERHEAD),
            false => block,
        };
        let entry = shared(size_of::<Self>()) + 2 * size_of::<Arc<Self>>();
        entry + block + topics + texts.sum::<usize>() + key + id
    }

    /// Returns the work of matching it against this audience, in units of [`Turn`](crate::turn::Turn).
    pub(super) fn cost(&self, audience: &Audience) -> usize {
        let key = self.key.as_ref().map_or(0, |(_, key)| key.len());
        cost(&self.topics, audience) + key / BYTES_PER_WORK
    }
}

/// Returns the work of matching these topics against this audience, in units of [`Turn`](crate::turn::Turn).
pub(crate) fn cost(topics: &Topics, audience: &Audience) -> usize {
    let topics = topics.iter().map(topic_cost);
    let filters = |filters: &TopicFilters| filters.iter().map(filter_cost).sum::<usize>();
    let private = audience.private.as_ref().map_or(0, filters);
    topics.sum::<usize>() * (filters(&audience.filters) + private)
}

fn topic_cost(topic: &Topic) -> usize {
    1 + topic.as_str().len() / BYTES_PER_WORK
}

/// Returns the work of matching this topic against a custom pattern.
pub(crate) fn custom_pattern_cost(topic: &Topic) -> usize {
    topic_cost(topic) * CUSTOM_PATTERN_WORK
}

/// Work of matching a short topic against a custom pattern, such as a regular expression.
const CUSTOM_PATTERN_WORK: usize = 16;

/// Returns the work of matching a short topic against this filter.
pub(crate) fn filter_cost(filter: &TopicFilter) -> usize {
    match filter {
        TopicFilter::Exact(_) | TopicFilter::Pattern(_) => 1,
        TopicFilter::Custom(_) => CUSTOM_PATTERN_WORK,
    }
}

/// Returns the memory that an allocation of this length takes, in bytes. Allocators round up and add some bytes.
fn allocated(bytes: usize) -> usize {
    (bytes + size_of::<usize>()).next_multiple_of(16)
}

/// Returns the memory that an `Arc` of this length takes, in bytes, with its two counters.
fn shared(bytes: usize) -> usize {
    allocated(2 * size_of::<usize>() + bytes)
}
