//! Record of the topics that have lost events.

use std::collections::HashMap;

use crate::{Topic, TopicFilter, TopicFilters, Topics, log::entry::filter_cost};

/// Maximum number of topics whose losses are recorded.
const MAX_RECORDED_TOPICS: usize = 16 * 1024;

/// Maximum length of all topics whose losses are recorded, in bytes. The event that exceeds it may add 256 KiB.
const MAX_RECORDED_BYTES: usize = 4 * 1024 * 1024;

/// Maximum work of comparing patterns with topics for one answer, in units of [`Turn`](crate::turn::Turn).
const MAX_COMPARISONS: usize = 4096;

/// Sequence of the latest event of each topic that a log has lost.
///
/// A quiet topic loses its few events much later than a busy one. So its subscribers can resume without a reset,
/// although the log has lost many events of other topics.
#[derive(Debug)]
pub(crate) struct LostEvents {
    latest: HashMap<Topic, u64>,
    /// Length of all recorded topics, in bytes.
    bytes: usize,
    /// The topics of events up to this one are not known.
    floor: u64,
}

impl LostEvents {
    /// Creates a record in which the topics of events up to this one are not known.
    pub(crate) fn new(floor: u64) -> Self {
        Self {
            latest: HashMap::new(),
            bytes: 0,
            floor,
        }
    }

    /// Notes that an event is lost.
    pub(crate) fn add(&mut self, sequence: u64, topics: &Topics) {
        if sequence <= self.floor {
            return;
        }
        for topic in topics {
            match self.latest.get_mut(topic) {
                Some(latest) => *latest = sequence.max(*latest),
                None => {
                    self.latest.insert(topic.clone(), sequence);
                    self.bytes += topic.as_str().len();
                }
            }
        }
        if self.latest.len() > MAX_RECORDED_TOPICS || self.bytes > MAX_RECORDED_BYTES {
            // At least half of the topics are removed, so that this is rare.
            let mut sequences: Vec<u64> = self.latest.values().copied().collect();
            let middle = sequences.len() / 2;
            let (_, median, _) = sequences.select_nth_unstable(middle);
            self.floor = self.floor.max(*median);
            self.latest.retain(|_, sequence| *sequence > self.floor);
            self.bytes = self.latest.keys().map(|topic| topic.as_str().len()).sum();
        }
    }

    /// Returns whether an event of these filters after this sequence may be lost. Returns `true` if the exact answer
    /// is too much work.
    pub(crate) fn may_match(&self, after: u64, filters: &TopicFilters) -> bool {
        if after < self.floor {
            return true;
        }
        let patterns = filters
            .iter()
            .filter(|filter| !matches!(filter, TopicFilter::Exact(_)));
        if patterns.map(filter_cost).sum::<usize>() * self.latest.len() > MAX_COMPARISONS {
            return true;
        }
        let is_lost = |sequence: &u64| *sequence > after;
        filters.iter().any(|filter| match filter {
            TopicFilter::Exact(topic) => self.latest.get(topic).is_some_and(is_lost),
            filter => {
                let mut topics = self.latest.iter();
                topics.any(|(topic, sequence)| is_lost(sequence) && filter.matches(topic))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(name: &str) -> Topics {
        Topics::new([name]).unwrap()
    }

    #[test]
    fn each_topic_has_its_own_loss() {
        let mut lost = LostEvents::new(2);
        lost.add(3, &Topics::new(["a/1", "b"]).unwrap());
        lost.add(5, &topics("a/2"));
        let may_match = |after, patterns: &[&str]| {
            let filters = TopicFilters::from_patterns(patterns).unwrap();
            lost.may_match(after, &filters)
        };
        assert!(may_match(1, &["c"]), "the lost topics are unknown");
        assert!(!may_match(2, &["c"]) && !may_match(2, &["c", "d/*"]));
        assert!(may_match(2, &["b"]) && !may_match(3, &["b"]));
        assert!(may_match(4, &["a/*"]) && !may_match(5, &["a/*"]));
        assert!(may_match(4, &["c", "**"]) && !may_match(5, &["**"]));
    }

    #[test]
    fn an_older_event_that_is_lost_later_changes_no_newer_loss() {
        let mut lost = LostEvents::new(0);
        lost.add(5, &topics("a"));
        lost.add(3, &Topics::new(["a", "b"]).unwrap());
        let may_match =
            |after, name: &str| lost.may_match(after, &TopicFilters::from(topics(name)));
        assert!(may_match(4, "a") && !may_match(5, "a"));
        assert!(may_match(2, "b") && !may_match(3, "b"));
    }

    #[test]
    fn many_topics_take_bounded_memory() {
        let mut lost = LostEvents::new(0);
        let count = 5 * MAX_RECORDED_TOPICS as u64;
        for sequence in 1..=count {
            lost.add(sequence, &topics(&sequence.to_string()));
            assert!(lost.latest.len() <= MAX_RECORDED_TOPICS + 1);
        }
        let of = |sequence: u64| TopicFilters::from(topics(&sequence.to_string()));
        assert!(
            lost.may_match(0, &of(1)),
            "its topic is not recorded any more"
        );
        let after = count - MAX_RECORDED_TOPICS as u64 / 4;
        assert!(!lost.may_match(after, &of(after)));
        assert!(lost.may_match(after, &of(after + 1)));
        // For a pattern, the exact answer is too much work.
        let pattern = TopicFilters::from_patterns(["none/*"]).unwrap();
        assert!(lost.may_match(after, &pattern));
    }
}
