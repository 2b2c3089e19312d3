//! Index of custom patterns, and of the channels that have them.
//!
//! # A note to the next reader
//!
//! The hub cannot look a custom pattern up by the segments of a topic. It has to call the function of the pattern, and
//! a client may choose very many patterns. So three things keep the number of calls low:
//!
//! - **A pattern is one entry**, whatever number of channels has it.
//! - **Patterns are grouped by their prefixes**. Only patterns whose prefix the topic's key has are tried.
//! - **The result is kept for each topic**: the patterns that match it, and the ID of the last pattern that was tried.
//!   IDs ascend, so only later patterns are tried when the topic comes again. For the same reason, the patterns can be
//!   tried in steps, between which the hub is not locked.

use core::ops::Bound;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    CustomPattern, Topic,
    custom_pattern::prefixes,
    fanout::{
        channel::Channel,
        known_matches::{KnownMatches, Matches},
    },
};

/// Index of the custom patterns of all channels.
#[derive(Debug, Default)]
pub(crate) struct CustomPatterns {
    /// ID of the last pattern that was added.
    last_id: u64,
    ids: HashMap<CustomPattern, u64>,
    entries: HashMap<u64, PatternEntry>,
    /// Patterns by their prefix.
    groups: BTreeMap<Arc<str>, BTreeMap<u64, CustomPattern>>,
    known: KnownMatches,
}

/// Channels that have one pattern, by their IDs.
#[derive(Debug, Default)]
struct PatternEntry {
    channels: BTreeMap<u64, Arc<Channel>>,
}

impl CustomPatterns {
    /// Returns the number of different patterns.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn contains(&self, pattern: &CustomPattern) -> bool {
        self.ids.contains_key(pattern)
    }

    pub(crate) fn insert(&mut self, pattern: &CustomPattern, channel: &Arc<Channel>) {
        let id = match self.ids.get(pattern) {
            Some(id) => *id,
            None => {
                self.last_id += 1;
                let id = self.last_id;
                self.ids.insert(pattern.clone(), id);
                let group = self.groups.entry(Arc::clone(pattern.prefix()));
                group.or_default().insert(id, pattern.clone());
                id
            }
        };
        let entry = self.entries.entry(id).or_default();
        entry.channels.insert(channel.id, Arc::clone(channel));
    }

    pub(crate) fn remove(&mut self, pattern: &CustomPattern, channel: &Channel) {
        let Some(id) = self.ids.get(pattern).copied() else {
            return;
        };
        let is_unused = self.entries.get_mut(&id).is_none_or(|entry| {
            entry.channels.remove(&channel.id);
            entry.channels.is_empty()
        });
        if !is_unused {
            return;
        }
        self.entries.remove(&id);
        // The prefix may differ between patterns of the same text: the group has that of the first one.
        if let Some((pattern, _)) = self.ids.remove_entry(pattern)
            && let Some(group) = self.groups.get_mut(pattern.prefix())
        {
            group.remove(&id);
            if group.is_empty() {
                self.groups.remove(pattern.prefix());
            }
        }
        if self.ids.is_empty() {
            // The memory of many patterns is freed.
            let last_id = self.last_id;
            *self = Self {
                last_id,
                ..Self::default()
            };
        }
    }

    /// Returns whether there may be patterns that were not tried on this topic.
    pub(crate) fn has_untried(&self, topic: &Topic) -> bool {
        let through = self.known.get(topic).map_or(0, |known| known.through);
        !self.ids.is_empty() && through < self.last_id
    }

    /// Tries at most `limit` patterns that were not tried on this topic yet, and keeps the results. `key` returns the
    /// topic's key. Returns the number of patterns that were tried.
    pub(crate) fn try_some(
        &mut self,
        topic: &Topic,
        key: impl FnOnce() -> Option<String>,
        limit: usize,
    ) -> usize {
        let mut known = self.known.take(topic);
        let tried = self.continue_with(&mut known, topic, key, limit);
        self.known.keep(topic, known);
        tried
    }

    /// Adds the channels with a pattern that matches this topic. `key` returns the topic's key.
    pub(crate) fn find(
        &mut self,
        topic: &Topic,
        key: impl FnOnce() -> Option<String>,
        found: &mut Vec<Arc<Channel>>,
    ) {
        if self.ids.is_empty() {
            return;
        }
        let mut known = self.known.take(topic);
        known.ids.retain(|id| self.entries.contains_key(id));
        self.continue_with(&mut known, topic, key, usize::MAX);
        for entry in known.ids.iter().filter_map(|id| self.entries.get(id)) {
            found.extend(entry.channels.values().cloned());
        }
        self.known.keep(topic, known);
    }

    /// Tries the next patterns, in the order of their IDs.
    fn continue_with(
        &self,
        known: &mut Matches,
        topic: &Topic,
        key: impl FnOnce() -> Option<String>,
        limit: usize,
    ) -> usize {
        if known.through >= self.last_id {
            return 0;
        }
        let key = key();
        let prefixes = prefixes(key.as_deref().unwrap_or(topic.as_str()));
        let groups = prefixes.filter_map(|prefix| self.groups.get(prefix));
        let untried = (Bound::Excluded(known.through), Bound::Unbounded);
        // One more than the limit shows that the group has more.
        let enough = limit.saturating_add(1);
        let mut next: Vec<_> = groups
            .flat_map(|group| group.range(untried).take(enough))
            .collect();
        known.through = self.last_id;
        if next.len() > limit {
            next.sort_unstable_by_key(|(id, _)| **id);
            next.truncate(limit);
            known.through = next.last().map_or(0, |(id, _)| **id);
        }
        let matching = next
            .iter()
            .filter(|(_, pattern)| pattern.matches(topic.as_str()));
        known.ids.extend(matching.map(|(id, _)| **id));
        next.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{
        TopicFilters,
        audience::Audience,
        fanout::known_matches::{MAX_MATCHES, MAX_TOPICS},
    };

    /// Returns a pattern that matches topics with this ending, and counts the calls of its function.
    fn ending(text: &str, prefix: &str, calls: &Arc<AtomicUsize>) -> CustomPattern {
        ending_with_id(text, 0, prefix, calls)
    }

    /// Returns a pattern like [`ending`], which differs from those with other IDs.
    fn ending_with_id(
        text: &str,
        id: usize,
        prefix: &str,
        calls: &Arc<AtomicUsize>,
    ) -> CustomPattern {
        let (ending, calls) = (text.to_owned(), Arc::clone(calls));
        let matcher = move |topic: &str| {
            calls.fetch_add(1, Ordering::Relaxed);
            topic.ends_with(&ending)
        };
        CustomPattern::new(format!("{prefix}*{text} {id}"), matcher)
            .unwrap()
            .with_prefix(prefix)
    }

    fn channel(id: u64) -> Arc<Channel> {
        let audience = Audience::from(TopicFilters::all());
        Arc::new(Channel::new(id, audience, 0))
    }

    fn find(patterns: &mut CustomPatterns, topic: &str) -> Vec<u64> {
        let mut found = Vec::new();
        patterns.find(&Topic::opaque(topic).unwrap(), || None, &mut found);
        found.sort_by_key(|channel| channel.id);
        found.iter().map(|channel| channel.id).collect()
    }

    #[test]
    fn a_pattern_is_tried_once_for_each_topic_with_its_prefix() {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut patterns = CustomPatterns::default();
        for id in 0..1000 {
            let pattern = ending(&format!("/{}", id % 10), &format!("{}/", id % 100), &calls);
            patterns.insert(&pattern, &channel(id));
        }
        assert_eq!(patterns.len(), 100);
        for _ in 0..3 {
            assert_eq!(find(&mut patterns, "17/x/7").len(), 10);
            assert_eq!(find(&mut patterns, "17/x/8").len(), 0);
            assert_eq!(find(&mut patterns, "170/x/7").len(), 0);
        }
        assert_eq!(calls.swap(0, Ordering::Relaxed), 2);
        // A pattern that is added later is tried alone.
        patterns.insert(&ending("7", "", &calls), &channel(2000));
        assert_eq!(find(&mut patterns, "17/x/7").len(), 11);
        assert_eq!(find(&mut patterns, "170/x/7"), [2000]);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_pattern_that_is_removed_and_added_again_is_found() {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut patterns = CustomPatterns::default();
        let (one, two) = (ending("1", "a/", &calls), ending("2", "a/", &calls));
        let (first, second) = (channel(1), channel(2));
        for _ in 0..3 {
            patterns.insert(&one, &first);
            patterns.insert(&one, &second);
            patterns.insert(&two, &second);
            assert_eq!(find(&mut patterns, "a/1"), [1, 2]);
            patterns.remove(&one, &first);
            patterns.remove(&one, &first);
            assert_eq!(find(&mut patterns, "a/1"), [2]);
            patterns.remove(&one, &second);
            assert_eq!(find(&mut patterns, "a/1"), [0; 0]);
            assert_eq!(find(&mut patterns, "a/2"), [2]);
        }
        patterns.remove(&two, &second);
        assert_eq!(patterns.len(), 0);
        assert!(patterns.groups.is_empty() && patterns.entries.is_empty());
        assert_eq!(patterns.known.generations(), [(0, 0); 2]);
    }

    #[test]
    fn patterns_are_tried_in_steps() {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut patterns = CustomPatterns::default();
        for id in 0..100 {
            let prefix = ["", "a/", "a/b/"][id % 3];
            let ending = format!("{}", id % 10);
            let text = ending_with_id(&ending, id, prefix, &calls);
            patterns.insert(&text, &channel(id as u64));
        }
        let topic = Topic::opaque("a/b/7").unwrap();
        for limit in [1, 7, 100] {
            // The results are dropped.
            patterns.known = KnownMatches::default();
            let mut steps = 0;
            while patterns.has_untried(&topic) {
                let tried = patterns.try_some(&topic, || None, limit);
                assert!(tried <= limit);
                steps += 1;
            }
            assert_eq!(steps, 100_usize.div_ceil(limit));
            assert_eq!(calls.swap(0, Ordering::Relaxed), 100, "limit {limit}");
            assert_eq!(find(&mut patterns, "a/b/7").len(), 10);
            assert_eq!(calls.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn the_kept_results_are_bounded() {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut patterns = CustomPatterns::default();
        for id in 0..100 {
            patterns.insert(
                &ending("", &format!("a/{}", "x/".repeat(id)), &calls),
                &channel(id as u64),
            );
        }
        let topic = |index: usize| format!("a/{}{index}", "x/".repeat(100));
        for index in 0..6 * MAX_TOPICS {
            assert_eq!(find(&mut patterns, &topic(index)).len(), 100);
            if index % 500 == 0 {
                for (topics, matches) in patterns.known.generations() {
                    assert!(topics <= MAX_TOPICS && matches <= MAX_MATCHES + 100);
                }
            }
        }
        // The results for a topic survive if it is used again.
        assert_eq!(calls.swap(0, Ordering::Relaxed), 6 * MAX_TOPICS * 100);
        for index in 0..6 * MAX_TOPICS {
            find(&mut patterns, &topic(6 * MAX_TOPICS + index));
            if index % 500 == 0 {
                find(&mut patterns, &topic(6 * MAX_TOPICS - 1));
            }
        }
        assert_eq!(calls.load(Ordering::Relaxed), 6 * MAX_TOPICS * 100);
    }
}
