//! Latest events of each topic, after they have left the main queue of the log.

use core::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::{
    collections::{HashMap, VecDeque, hash_map},
    hash::RandomState,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Topic, config::Retention, log::Entry};

/// Latest events of each topic that have left the main queue of the log. They take at most half of the log's bytes.
///
/// An event of several topics is kept as long as it is among the latest events of one of them.
#[derive(Debug)]
pub(crate) struct PerTopic {
    max_events: usize,
    max_bytes: usize,
    kept: KeptEvents,
    /// Kept events by the hash of their topic, so that the map grows quickly. Two topics with the same hash share the
    /// number of events. An attacker cannot search for them, because the hash has a random key.
    topics: HashMap<u64, TopicSequences, BuildHasherDefault<PrehashedHasher>>,
    hasher: RandomState,
}

/// Minimum number of empty slots before they are removed.
const MIN_EMPTY_SLOTS: usize = 64;

/// Events that are kept for their topics.
///
/// Events are added at the back, in the order of their sequences, and removed anywhere. A removed event leaves an empty
/// slot, and empty slots are removed when they are the majority. This takes much less time than a tree.
#[derive(Debug, Default)]
struct KeptEvents {
    /// The first one is not empty.
    slots: VecDeque<Slot>,
    /// Number of slots that are not empty.
    len: usize,
    /// Size of the events.
    bytes: usize,
    /// Number of bytes of memory in addition to the events.
    overhead: usize,
    /// Events that are not kept any more, until the log takes them.
    dropped: Vec<Arc<Entry>>,
}

#[derive(Debug)]
struct Slot {
    sequence: u64,
    /// Number of topics that the event is kept for.
    topics: usize,
    entry: Option<Arc<Entry>>,
}

/// Sequences of the events that are kept for a topic. A single one needs no allocation.
#[derive(Debug)]
struct TopicSequences {
    oldest: u64,
    newer: VecDeque<u64>,
}

/// Hasher for keys that are hashes already.
#[derive(Debug, Default)]
struct PrehashedHasher(u64);

impl Hasher for PrehashedHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl PerTopic {
    /// Creates an empty set with the limits of this retention.
    pub(crate) fn new(retention: Retention) -> Self {
        Self {
            max_events: retention.events_per_topic,
            max_bytes: retention.bytes / 2,
            kept: KeptEvents::default(),
            topics: HashMap::default(),
            hasher: RandomState::new(),
        }
    }

    /// Adds an event that is newer than all others. After that, the caller takes the [dropped](Self::pop_dropped)
    /// events: those that this one replaces, or this one if it cannot be kept.
    pub(crate) fn insert(&mut self, entry: Arc<Entry>) {
        if self.max_events == 0 {
            self.kept.dropped.push(entry);
            return;
        }
        let (size, overhead) = (entry.size(), overhead(&entry));
        if size + overhead > self.max_bytes {
            // Older events are not the latest of these topics any more.
            for topic in &entry.topics {
                self.remove_topic(topic);
            }
            self.kept.dropped.push(entry);
            return;
        }
        for topic in &entry.topics {
            match self.topics.entry(self.hasher.hash_one(topic)) {
                hash_map::Entry::Occupied(mut sequences) => {
                    if let Some(oldest) = sequences.get_mut().push(entry.sequence, self.max_events)
                    {
                        self.kept.release(oldest);
                    }
                }
                hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(TopicSequences::new(entry.sequence));
                }
            }
        }
        self.kept.insert(entry, size, overhead);
        while self.kept.bytes + self.kept.overhead > self.max_bytes && self.drop_oldest() {}
    }

    fn remove_topic(&mut self, topic: &Topic) {
        let Some(sequences) = self.topics.remove(&self.hasher.hash_one(topic)) else {
            return;
        };
        self.kept.release(sequences.oldest);
        for sequence in sequences.newer {
            self.kept.release(sequence);
        }
    }

    /// Drops the oldest event. Returns whether there was one.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        let Some(entry) = self.kept.drop_first() else {
            return false;
        };
        for topic in &entry.topics {
            let hash = self.hasher.hash_one(topic);
            let hash_map::Entry::Occupied(mut sequences) = self.topics.entry(hash) else {
                continue;
            };
            // Either the event is the oldest of this topic, or it is not kept for this topic any more.
            if sequences.get().oldest != entry.sequence {
                continue;
            }
            match sequences.get_mut().newer.pop_front() {
                Some(next) => sequences.get_mut().oldest = next,
                None => {
                    sequences.remove();
                }
            }
        }
        self.kept.dropped.push(entry);
        true
    }

    /// Drops at most `max` of the events up to this sequence.
    pub(crate) fn drop_through(&mut self, sequence: u64, max: usize) {
        for _ in 0..max {
            let first = self.kept.slots.front();
            if !(first.is_some_and(|slot| slot.sequence <= sequence) && self.drop_oldest()) {
                break;
            }
        }
    }

    /// Takes an event that was dropped.
    pub(crate) fn pop_dropped(&mut self) -> Option<Arc<Entry>> {
        self.kept.dropped.pop()
    }

    /// Returns the number of bytes of memory in use in addition to the events.
    pub(crate) fn overhead(&self) -> usize {
        self.kept.overhead
    }

    /// Returns whether this event is kept for a topic.
    pub(crate) fn contains(&self, sequence: u64) -> bool {
        let slot = self.kept.slots.get(self.kept.index(sequence));
        slot.is_some_and(|slot| slot.sequence == sequence && slot.entry.is_some())
    }

    /// Returns the events after this sequence, oldest first.
    pub(crate) fn after(&self, sequence: u64) -> impl Iterator<Item = &Arc<Entry>> {
        self.between(sequence, u64::MAX)
    }

    /// Returns the events after the sequence `after` up to the sequence `through`, oldest first.
    pub(crate) fn between(
        &self,
        after: u64,
        through: u64,
    ) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        let start = self.kept.index(after.saturating_add(1));
        let end = self.kept.index(through.saturating_add(1)).max(start);
        let slots = self.kept.slots.range(start..end);
        slots.filter_map(|slot| slot.entry.as_ref())
    }

    /// Returns the sequence of the last event that is older than this age. 0 if there is none.
    pub(crate) fn last_older(&self, age: Duration, now: Instant) -> u64 {
        let slots = &self.kept.slots;
        let (mut old, mut start, mut end) = (0, 0, slots.len());
        while start < end {
            // Most often, the first event is not too old.
            let middle = if old == 0 {
                start
            } else {
                start + (end - start) / 2
            };
            let mut events = slots.range(middle..end).zip(middle..);
            let event = events.find_map(|(slot, index)| Some((slot.entry.as_ref()?, index)));
            match event {
                Some((entry, index)) if now.saturating_duration_since(entry.appended_at) > age => {
                    (old, start) = (entry.sequence, index + 1);
                }
                _ => end = middle,
            }
        }
        old
    }

    #[cfg(test)]
    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.kept.bytes + self.kept.overhead
    }
}

impl KeptEvents {
    /// Returns the index of the first slot with this sequence or a greater one.
    fn index(&self, sequence: u64) -> usize {
        self.slots.partition_point(|slot| slot.sequence < sequence)
    }

    fn insert(&mut self, entry: Arc<Entry>, size: usize, overhead: usize) {
        self.len += 1;
        self.bytes += size;
        self.overhead += overhead;
        self.slots.push_back(Slot {
            sequence: entry.sequence,
            topics: entry.topics.iter().len(),
            entry: Some(entry),
        });
    }

    /// Notes that an event is not kept for one of its topics any more. Drops it if no topic is left.
    fn release(&mut self, sequence: u64) {
        let index = self.index(sequence);
        let slot = self.slots.get_mut(index);
        let Some(slot) = slot.filter(|slot| slot.sequence == sequence) else {
            return;
        };
        slot.topics = slot.topics.saturating_sub(1);
        if slot.topics == 0
            && let Some(entry) = slot.entry.take()
        {
            self.release_memory(&entry);
            self.dropped.push(entry);
        }
    }

    fn drop_first(&mut self) -> Option<Arc<Entry>> {
        let entry = self.slots.front_mut()?.entry.take()?;
        self.release_memory(&entry);
        Some(entry)
    }

    /// Notes that a slot has become empty.
    fn release_memory(&mut self, entry: &Entry) {
        self.len -= 1;
        self.bytes -= entry.size();
        self.overhead -= overhead(entry);
        while let Some(slot) = self.slots.front()
            && slot.entry.is_none()
        {
            self.slots.pop_front();
        }
        if self.slots.len() > 2 * self.len + MIN_EMPTY_SLOTS {
            self.slots.retain(|slot| slot.entry.is_some());
        }
    }
}

impl TopicSequences {
    fn new(sequence: u64) -> Self {
        Self {
            oldest: sequence,
            newer: VecDeque::new(),
        }
    }

    /// Adds a sequence. If there are more than `max` then, removes the oldest one and returns it.
    fn push(&mut self, sequence: u64, max: usize) -> Option<u64> {
        if self.newer.len() + 1 < max {
            self.newer.push_back(sequence);
            return None;
        }
        let next = match self.newer.pop_front() {
            Some(next) => {
                self.newer.push_back(sequence);
                next
            }
            None => sequence,
        };
        Some(core::mem::replace(&mut self.oldest, next))
    }
}

/// Returns the approximate number of bytes that it takes to keep an event for its topics, as if it were the only
/// event of each.
fn overhead(entry: &Entry) -> usize {
    // Collections have room for more than they hold.
    let topics = entry.topics.iter().len() * size_of::<(u64, TopicSequences)>();
    2 * (size_of::<Slot>() + topics)
}
