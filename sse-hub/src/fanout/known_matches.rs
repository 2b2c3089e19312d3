//! Results of trying custom patterns on the topics of recent events.
//!
//! # A note to the next reader
//!
//! There are two generations. If the recent one is full, it becomes the old one, and the results of the old one are
//! dropped. A topic that is used again moves to the recent one. So the results for all topics of an event survive until
//! the event is published, even if other publishers use very many topics meanwhile.

use std::{collections::HashMap, mem};

use crate::Topic;

/// Maximum number of topics of a generation.
pub(super) const MAX_TOPICS: usize = 2048;

/// Number of matching patterns of a generation, for all topics together, from which it is full.
pub(super) const MAX_MATCHES: usize = 128 * 1024;

/// Results for recent topics.
#[derive(Debug, Default)]
pub(super) struct KnownMatches {
    recent: Generation,
    old: Generation,
}

/// Patterns that are known to match a topic.
#[derive(Debug, Default)]
pub(super) struct Matches {
    pub(super) ids: Vec<u64>,
    /// ID of the last pattern that was tried.
    pub(super) through: u64,
}

#[derive(Debug, Default)]
struct Generation {
    topics: HashMap<Topic, Matches>,
    /// Number of all IDs.
    count: usize,
}

impl KnownMatches {
    /// Returns the result for a topic.
    pub(super) fn get(&self, topic: &Topic) -> Option<&Matches> {
        let recent = self.recent.topics.get(topic);
        recent.or_else(|| self.old.topics.get(topic))
    }

    /// Removes the result for a topic and returns it. The caller [keeps](Self::keep) it again.
    pub(super) fn take(&mut self, topic: &Topic) -> Matches {
        let recent = self.recent.take(topic);
        recent.or_else(|| self.old.take(topic)).unwrap_or_default()
    }

    /// Keeps the result for a topic that has none.
    pub(super) fn keep(&mut self, topic: &Topic, matches: Matches) {
        if self.recent.is_full() {
            self.old = mem::take(&mut self.recent);
        }
        self.recent.count += matches.ids.len();
        self.recent.topics.insert(topic.clone(), matches);
    }

    #[cfg(test)]
    pub(super) fn generations(&self) -> [(usize, usize); 2] {
        [&self.recent, &self.old].map(|generation| {
            let count = generation.topics.values();
            let count = count.map(|matches| matches.ids.len()).sum::<usize>();
            assert_eq!(generation.count, count);
            (generation.topics.len(), count)
        })
    }
}

impl Generation {
    fn take(&mut self, topic: &Topic) -> Option<Matches> {
        let matches = self.topics.remove(topic)?;
        self.count -= matches.ids.len();
        Some(matches)
    }

    fn is_full(&self) -> bool {
        self.topics.len() >= MAX_TOPICS || self.count >= MAX_MATCHES
    }
}
