//! Index from topics to the channels that receive their events.
//!
//! # A note to the next reader
//!
//! Clients choose the topic filters. This index holds all of them, under a lock that every event takes. So the cost
//! of a filter must not depend on its text: each filter is one entry of 40 bytes, found by the digest of its text.
//! There is no tree of segments.
//!
//! - **A topic** is looked up by its own digest.
//! - **A pattern** has a shape: the number of its segments, and which of them are wildcards. For each shape, a
//!   topic matches at most one pattern: the one whose other segments equal those of the topic. So a topic is
//!   looked up once for each shape that a pattern in the index has. The digest for this is combined from the
//!   digests of the topic's segments. Patterns have few segments and few wildcards, so that there are few shapes:
//!   a topic of N segments is looked up less than 2^(N+1) times, and at most 9400 times.
//! - The maps are B-trees, because these free memory when entries are removed, and never move all entries at once.
//! - Digests are computed before the lock is taken.

use core::hash::{BuildHasher as _, Hash};
use std::{collections::BTreeMap, hash::RandomState, sync::Arc};

use crate::{
    CustomPattern, Topic, TopicFilter, TopicFilters, Topics,
    audience::Audience,
    fanout::{channel::Channel, custom_patterns::CustomPatterns},
    topic::SEPARATOR,
    topic_filters::{MAX_SEGMENTS, Pattern, Segment},
};

/// Index of all channels that have subscribers.
///
/// An event is looked up by its topics. So the cost depends on the number of channels that receive it, and not on the
/// number of all channels or topics.
#[derive(Debug, Default)]
pub(crate) struct Index {
    next_id: u64,
    by_filter_set: BTreeMap<Digest, Arc<Channel>>,
    /// Channels by the filter and the ID of the channel: many sets of filters may have the same filter.
    by_filter: BTreeMap<(Digest, u64), Arc<Channel>>,
    /// Shapes that at least one pattern has.
    shapes: BTreeMap<PatternShape, ShapeEntries>,
    custom: CustomPatterns,
}

/// Summary of the entries whose patterns have one shape.
#[derive(Debug, Default)]
struct ShapeEntries {
    count: usize,
    /// Bloom filter of the entries' digests, with one bit for the last six bits of each. It rejects most patterns
    /// that are not in the index. A bit stays set until all entries are removed.
    filter: u64,
}

/// Keys of an audience in the index. They are computed before the lock is taken.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Digest of the whole audience.
    set: Digest,
    /// Keys of the filters, except custom patterns.
    each: Vec<Key>,
}

/// Key of a filter in the index.
#[derive(Debug)]
struct Key {
    digest: Digest,
    /// `None` for an exact topic.
    shape: Option<PatternShape>,
}

/// Shape of a pattern: its length and the positions of its wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PatternShape {
    /// The pattern ends with `**`.
    is_open: bool,
    /// Number of segments, without the `**`.
    length: u8,
    /// Bit mask of the segments that are `*`.
    stars: u16,
}

impl Index {
    /// Returns the channel of this audience, or creates it. A new channel begins after the event `latest`.
    pub(crate) fn channel(
        &mut self,
        audience: &Audience,
        keys: &Keys,
        latest: u64,
    ) -> Arc<Channel> {
        if let Some(channel) = self.by_filter_set.get(&keys.set) {
            return Arc::clone(channel);
        }
        self.next_id += 1;
        let channel = Arc::new(Channel::new(self.next_id, audience.clone(), latest));
        for key in &keys.each {
            let entry = (key.digest, channel.id);
            self.by_filter.insert(entry, Arc::clone(&channel));
            if let Some(shape) = key.shape {
                let entries = self.shapes.entry(shape).or_default();
                entries.count += 1;
                entries.filter |= key.digest.bit();
            }
        }
        for pattern in custom_patterns(&audience.filters) {
            self.custom.insert(pattern, &channel);
        }
        self.by_filter_set.insert(keys.set, Arc::clone(&channel));
        channel
    }

    /// Returns the number of different custom patterns, if those of these filters were added.
    pub(crate) fn custom_patterns_with(&self, filters: &TopicFilters) -> usize {
        let is_new = |pattern: &&CustomPattern| !self.custom.contains(pattern);
        self.custom.len() + custom_patterns(filters).filter(is_new).count()
    }

    /// Returns the number of different custom patterns.
    pub(crate) fn custom_patterns(&self) -> usize {
        self.custom.len()
    }

    /// Returns whether there may be custom patterns that were not tried on this topic.
    pub(crate) fn has_untried_patterns(&self, topic: &Topic) -> bool {
        self.custom.has_untried(topic)
    }

    /// Tries at most `limit` custom patterns that were not tried on this topic yet. Returns their number.
    pub(crate) fn try_patterns(
        &mut self,
        topic: &Topic,
        limit: usize,
        key: impl FnOnce() -> Option<String>,
    ) -> usize {
        self.custom.try_some(topic, key, limit)
    }

    /// Removes a channel that has these keys and no subscribers.
    ///
    /// Two subscribers that unsubscribe may each be the last one, if another one has subscribed between them. The index
    /// may then have a new channel of the same filters, which stays.
    pub(crate) fn remove(&mut self, channel: &Channel, keys: &Keys) {
        let known = self.by_filter_set.get(&keys.set);
        if known.is_none_or(|known| known.id != channel.id) {
            return;
        }
        for key in &keys.each {
            self.by_filter.remove(&(key.digest, channel.id));
            if let Some(shape) = key.shape
                && let Some(entries) = self.shapes.get_mut(&shape)
            {
                entries.count -= 1;
                if entries.count == 0 {
                    self.shapes.remove(&shape);
                }
            }
        }
        for pattern in custom_patterns(&channel.audience.filters) {
            self.custom.remove(pattern, channel);
        }
        self.by_filter_set.remove(&keys.set);
    }

    /// Returns all channels that receive an event of these topics, each once. `key` returns the key of a topic for
    /// custom patterns.
    pub(crate) fn channels(
        &mut self,
        topics: &Topics,
        is_private: bool,
        digester: &Digester,
        key: impl Fn(&Topic) -> Option<String>,
    ) -> Vec<Arc<Channel>> {
        let mut found = Vec::new();
        for topic in topics {
            self.find(exact(topic, digester), &mut found);
            self.find_patterns(topic, digester, &mut found);
            self.custom.find(topic, || key(topic), &mut found);
        }
        found.sort_unstable_by_key(|channel| channel.id);
        found.dedup_by_key(|channel| channel.id);
        if is_private {
            found.retain(|channel| channel.audience.may_receive(topics, is_private));
        }
        found
    }

    /// Returns all channels.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.by_filter_set.values()
    }

    fn find(&self, filter: Digest, found: &mut Vec<Arc<Channel>>) {
        let entries = self.by_filter.range((filter, 0)..=(filter, u64::MAX));
        found.extend(entries.map(|(_, channel)| Arc::clone(channel)));
    }

    fn find_patterns(&self, topic: &Topic, digester: &Digester, found: &mut Vec<Arc<Channel>>) {
        if self.shapes.is_empty() {
            return;
        }
        let segments = Segments::new(topic.as_str(), digester);
        let closed = self.shapes.range(PatternShape::closed(segments.count));
        let open = self.shapes.range(PatternShape::open(segments.count));
        for (shape, entries) in closed.chain(open) {
            let digest = shape.digest(&segments);
            if entries.filter & digest.bit() != 0 {
                self.find(digest, found);
            }
        }
    }
}

fn custom_patterns(filters: &TopicFilters) -> impl Iterator<Item = &CustomPattern> {
    filters.iter().filter_map(|filter| match filter {
        TopicFilter::Custom(pattern) => Some(pattern),
        TopicFilter::Exact(_) | TopicFilter::Pattern(_) => None,
    })
}

impl Keys {
    pub(crate) fn new(audience: &Audience, digester: &Digester) -> Self {
        let filters: Vec<_> = keys(&audience.filters, digester).collect();
        let private = audience
            .private
            .as_ref()
            .map(|private| keys(private, digester));
        // Filters are sorted, so equal audiences have equal digests.
        let digests: Vec<_> = filters.iter().map(|(digest, _)| *digest).collect();
        let private: Option<Vec<_>> =
            private.map(|private| private.map(|(digest, _)| digest).collect());
        Self {
            set: digester.digest((digests, private)),
            each: filters.into_iter().filter_map(|(_, key)| key).collect(),
        }
    }
}

/// Returns the digest of each filter, with its key unless it is a custom pattern.
fn keys<'a>(
    filters: &'a TopicFilters,
    digester: &'a Digester,
) -> impl Iterator<Item = (Digest, Option<Key>)> + 'a {
    filters.iter().map(|filter| {
        let key = match filter {
            TopicFilter::Exact(topic) => Key {
                digest: exact(topic, digester),
                shape: None,
            },
            TopicFilter::Pattern(pattern) => {
                let shape = PatternShape::from_pattern(pattern);
                let segments = Segments::new(pattern.as_str(), digester);
                Key {
                    digest: shape.digest(&segments),
                    shape: Some(shape),
                }
            }
            // Not the digest of a topic with the same text.
            TopicFilter::Custom(pattern) => return (digester.digest(("custom", pattern)), None),
        };
        (key.digest, Some(key))
    })
}

fn exact(topic: &Topic, digester: &Digester) -> Digest {
    digester.digest(topic.as_str())
}

/// Digests of the first segments of a text, each computed together with the segment's position.
struct Segments {
    digests: [Digest; MAX_SEGMENTS],
    /// Number of all segments, which may be greater than that of the digests.
    count: usize,
}

impl Segments {
    fn new(text: &str, digester: &Digester) -> Self {
        let mut this = Self {
            digests: [Digest::default(); MAX_SEGMENTS],
            count: 0,
        };
        for segment in text.split(SEPARATOR) {
            if let Some(digest) = this.digests.get_mut(this.count) {
                *digest = digester.digest((this.count, segment));
            }
            this.count += 1;
        }
        this
    }
}

impl PatternShape {
    fn from_pattern(pattern: &Pattern) -> Self {
        let mut shape = Self {
            is_open: false,
            length: 0,
            stars: 0,
        };
        for segment in pattern.segments() {
            match segment {
                Segment::Rest => {
                    shape.is_open = true;
                    break;
                }
                Segment::One => shape.stars |= 1 << shape.length,
                Segment::Exact(_) => {}
            }
            shape.length += 1;
        }
        shape
    }

    /// Returns the range of shapes without `**` that a topic with this number of segments can match.
    fn closed(segments: usize) -> core::ops::Range<Self> {
        let length = u8::try_from(segments).unwrap_or(u8::MAX);
        Self::first(false, length)..Self::first(false, length.saturating_add(1))
    }

    /// Returns the range of shapes with `**` that a topic with this number of segments can match. `**` stands for at
    /// least one segment.
    fn open(segments: usize) -> core::ops::Range<Self> {
        let length = u8::try_from(segments).unwrap_or(u8::MAX);
        Self::first(true, 0)..Self::first(true, length)
    }

    /// Returns the first shape, in order, with these properties.
    fn first(is_open: bool, length: u8) -> Self {
        Self {
            is_open,
            length,
            stars: 0,
        }
    }

    /// Returns the digest of the pattern that has this shape, and these segments where it has no wildcards.
    ///
    /// The digest of a segment depends on its position. So two patterns that differ in a segment have unrelated
    /// digests. Two patterns with equal segments differ in their shape, which is part of the digest.
    fn digest(self, segments: &Segments) -> Digest {
        let shape =
            u64::from(self.stars) << 16 | u64::from(self.length) << 8 | u64::from(self.is_open);
        let mut digest = Digest(shape, 0);
        let segments = segments.digests.iter().take(usize::from(self.length));
        for (index, segment) in segments.enumerate() {
            // All ones, or zero if this segment is a star.
            let mask = (u64::from(self.stars >> index) & 1).wrapping_sub(1);
            digest.0 ^= segment.0 & mask;
            digest.1 ^= segment.1 & mask;
        }
        digest
    }
}

/// Keyed hash of 128 bits that identifies a value.
///
/// Two values have the same digest with a probability of 2^-128. The keys are random and never leave the process, so
/// an attacker cannot search for a collision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Digest(u64, u64);

impl Digest {
    /// Returns one of 64 bits, chosen by the digest.
    fn bit(self) -> u64 {
        1 << (self.1 & 63)
    }
}

/// Computes digests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digester {
    /// Hashers for the two halves of a digest, each with its own keys.
    halves: [RandomState; 2],
}

impl Digester {
    /// Returns the digest of a value.
    fn digest(&self, value: impl Hash) -> Digest {
        let [first, second] = self.halves.each_ref().map(|half| half.hash_one(&value));
        Digest(first, second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic_filters::MAX_STARS;

    #[test]
    fn a_topic_is_looked_up_for_few_forms() {
        let mut shapes = Vec::new();
        for is_open in [false, true] {
            for length in 0..=MAX_SEGMENTS as u8 - u8::from(is_open) {
                let stars =
                    (0..1_u32 << length).filter(|stars| stars.count_ones() <= MAX_STARS as u32);
                let stars = stars.filter(|stars| is_open || *stars > 0);
                shapes.extend(stars.map(|stars| PatternShape {
                    is_open,
                    length,
                    stars: stars as u16,
                }));
            }
        }
        for segments in 1..300 {
            let (closed, open) = (PatternShape::closed(segments), PatternShape::open(segments));
            let matching = |shape: &&PatternShape| closed.contains(shape) || open.contains(shape);
            let count = shapes.iter().filter(matching).count();
            assert!(count <= 9400, "{count} shapes for {segments} segments");
            assert!(segments > 10 || count < 1 << (segments + 1));
        }
    }

    #[test]
    fn filters_of_each_kind_have_their_own_digest() {
        let (mut index, digester) = (Index::default(), Digester::default());
        let mut channel = |filter: TopicFilter, private: Option<TopicFilter>| {
            let audience = Audience {
                filters: filter.into(),
                private: private.map(TopicFilters::from),
            };
            let keys = Keys::new(&audience, &digester);
            index.channel(&audience, &keys, 0).id
        };
        let exact = || TopicFilter::from(Topic::opaque("a/*").unwrap());
        let pattern = || TopicFilter::from_pattern("a/*").unwrap();
        let custom = || CustomPattern::new("a/*", |_: &str| true).unwrap().into();
        for round in 0..2 {
            let ids = [
                channel(exact(), None),
                channel(pattern(), None),
                channel(custom(), None),
                channel(exact(), Some(exact())),
                channel(exact(), Some(pattern())),
                channel(exact(), Some(custom())),
            ];
            assert_eq!(ids, [1, 2, 3, 4, 5, 6], "round {round}");
        }
    }

    #[test]
    fn a_channel_that_is_removed_twice_removes_no_other() {
        let (mut index, digester) = (Index::default(), Digester::default());
        let filters = Audience::from(TopicFilters::from_patterns(["a", "b/*"]).unwrap());
        let keys = Keys::new(&filters, &digester);
        let topics = Topics::new(["a", "b/c"]).unwrap();
        let old = index.channel(&filters, &keys, 0);
        index.remove(&old, &keys);
        assert!(
            index
                .channels(&topics, false, &digester, |_| None)
                .is_empty()
        );
        let new = index.channel(&filters, &keys, 0);
        index.remove(&old, &keys);
        assert_eq!(index.channels(&topics, false, &digester, |_| None).len(), 1);
        assert_eq!(index.channel(&filters, &keys, 0).id, new.id);
        index.remove(&new, &keys);
        assert!(
            index
                .channels(&topics, false, &digester, |_| None)
                .is_empty()
                && index.all().next().is_none()
        );
        assert!(index.shapes.is_empty() && index.by_filter.is_empty());
    }
}
