//! Log of the kept events: all events for some time, then the latest events of each topic and of each key.

mod entry;
mod lost_events;
mod per_topic;
mod search;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use crate::{EventId, audience::Audience, config::Retention, publication::Key};

pub(crate) use entry::{Entry, cost, custom_pattern_cost};
pub(crate) use search::BackwardSearch;

use lost_events::LostEvents;
use per_topic::PerTopic;

/// Maximum number of bytes of a frame of several events. A larger event is a frame of its own, which is not copied.
pub(crate) const MAX_FRAME_BYTES: usize = 16 * 1024;

/// Maximum number of events that are dropped at once because of their age. It bounds the time of one call.
const MAX_DROPS_PER_CALL: usize = 1024;

/// Maximum number of comparisons of a filter with an event, to find out if a subscriber misses events that are too
/// old.
const MAX_OLD_COMPARISONS: usize = 4096;

/// Log of the latest events, limited in their number and their bytes.
///
/// The main queue `entries` has the latest events of all topics. Events leave it oldest first. Some of them are
/// still kept, as long as there is room: the latest events of each topic in `per_topic`, and the latest event of each
/// key in `kept_by_key`. An event may be in both.
#[derive(Debug)]
pub(crate) struct Log {
    retention: Retention,
    entries: VecDeque<Arc<Entry>>,
    per_topic: PerTopic,
    /// Size of all events in bytes, each event counted once.
    bytes: usize,
    /// Sequence of the latest event. In a new log, sequence of the latest event before this log.
    latest: u64,
    /// All events up to this one have left the main queue, or are too old and will leave it.
    floor: u64,
    /// Events up to this one are too old to be replayed, and may not have been dropped yet.
    expired: u64,
    /// Events up to this one are lost for good: the backend does not have them any more.
    truncated: u64,
    /// Topics of the events that have left the main queue and are not in `per_topic`.
    lost: LostEvents,
    /// Sequence of the latest event of each key, as long as that event is kept.
    latest_by_key: HashMap<Key, u64>,
    /// Latest event of each key, if it has left the main queue.
    kept_by_key: BTreeMap<u64, Arc<Entry>>,
    /// Sequence of the latest event that had to leave `kept_by_key` for lack of room.
    kept_by_key_floor: u64,
    /// IDs that publishers have given to kept events, with the sequences of these events.
    ids: BTreeSet<(EventId, u64)>,
}

impl Log {
    /// Creates an empty log that continues after this sequence.
    pub(crate) fn new(retention: Retention, latest: u64) -> Self {
        Self {
            retention,
            entries: VecDeque::new(),
            per_topic: PerTopic::new(retention),
            bytes: 0,
            latest,
            floor: latest,
            expired: 0,
            truncated: 0,
            lost: LostEvents::new(latest),
            latest_by_key: HashMap::new(),
            kept_by_key: BTreeMap::new(),
            kept_by_key_floor: latest,
            ids: BTreeSet::new(),
        }
    }

    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }

    /// Returns the sequence up to which all events are now too old to be replayed. 0 if no event is too old. The
    /// sequence grows with time, even if no event is added.
    pub(crate) fn expired(&self) -> u64 {
        self.expired_among(self.entries.len())
    }

    /// Returns the sequence up to which all events are too old. Considers only the first `count` events of the main
    /// queue, and the events before them.
    fn expired_among(&self, count: usize) -> u64 {
        let Some(age) = self.retention.age else {
            return 0;
        };
        let now = Instant::now();
        let is_old = |entry: &Arc<Entry>| now.saturating_duration_since(entry.appended_at) > age;
        let old = self.entries.partition_point(is_old).min(count);
        let last = old.checked_sub(1).and_then(|last| self.entries.get(last));
        let sequence = match last {
            Some(entry) => entry.sequence,
            None => self.per_topic.last_older(age, now),
        };
        self.expired.max(sequence)
    }

    /// Returns whether all events after this sequence are still kept. If `compact` is set, considers only the latest
    /// event of each key.
    pub(crate) fn reaches(&self, sequence: u64, compact: bool) -> bool {
        self.complete_after(compact) <= sequence
    }

    /// Returns the sequence after which all events are still kept. If `compact` is set, considers only the latest event
    /// of each key. Some earlier events may be kept, too.
    pub(crate) fn complete_after(&self, compact: bool) -> u64 {
        if compact {
            self.kept_by_key_floor
        } else {
            self.floor
        }
    }

    /// Returns the sequence of the first kept event to which its publisher has given this ID.
    pub(crate) fn sequence_of_id(&self, id: &EventId) -> Option<u64> {
        let same = (id.clone(), 0)..=(id.clone(), u64::MAX);
        self.ids.range(same).next().map(|(_, sequence)| *sequence)
    }

    /// Returns the latest event, if this log has it.
    pub(crate) fn latest_entry(&self) -> Option<&Entry> {
        self.entries.back().map(|entry| &**entry)
    }

    /// Returns whether an event of this audience may be missing after the sequence `after`. Events up to `expired`
    /// count as missing, because they are not replayed any more.
    pub(crate) fn may_miss(&self, after: u64, expired: u64, audience: &Audience) -> bool {
        if self.lost.may_match(after, &audience.filters) {
            return true;
        }
        let through = self.expired.max(expired);
        let start = self
            .entries
            .partition_point(|entry| entry.sequence <= after);
        let end = self
            .entries
            .partition_point(|entry| entry.sequence <= through);
        let old = self.entries.range(start..end.max(start));
        let mut old = self.per_topic.between(after, through).chain(old);
        let comparisons = MAX_OLD_COMPARISONS / audience.filter_count();
        let is_missed = old
            .by_ref()
            .take(comparisons)
            .any(|entry| audience.receives(&entry.topics, entry.is_private));
        is_missed || old.next().is_some()
    }

    /// Returns the sequence, moved forward over events that are not kept. Events up to `expired` do not count as kept.
    pub(crate) fn skip_missing(&self, sequence: u64, expired: u64) -> u64 {
        let sequence = sequence.max(self.expired).max(expired);
        let next = self.per_topic.after(sequence).next();
        // Sequences begin with 1.
        next.map_or(sequence.max(self.floor), |entry| entry.sequence - 1)
    }

    /// Adds an event that is newer than all others.
    pub(crate) fn append(&mut self, entry: Arc<Entry>) {
        debug_assert!(entry.sequence > self.latest);
        self.latest = entry.sequence;
        self.bytes += entry.size();
        if let Some(key) = &entry.key
            && let Some(older) = self.latest_by_key.insert(key.clone(), entry.sequence)
            && let Some(older) = self.kept_by_key.remove(&older)
            && !self.per_topic.contains(older.sequence)
        {
            self.bytes -= older.size();
            self.forget_id(&older);
        }
        if let Some(id) = &entry.id {
            self.ids.insert((id.clone(), entry.sequence));
        }
        self.entries.push_back(entry);
        self.evict();
    }

    /// Replaces the log with an empty one, because events up to this sequence are missing: only in this log, or
    /// `for_good`. Returns the old log. Dropping it at once is slow: see [`drop_some`](Self::drop_some).
    #[must_use]
    pub(crate) fn skip_to(&mut self, sequence: u64, for_good: bool) -> Self {
        let truncated = if for_good { sequence } else { self.truncated };
        let empty = Self {
            truncated,
            ..Self::new(self.retention, sequence)
        };
        core::mem::replace(self, empty)
    }

    /// Drops some of the events of a log that is not used any more. Returns whether there may be more events.
    pub(crate) fn drop_some(&mut self) -> bool {
        for _ in 0..MAX_DROPS_PER_CALL {
            if let Some(entry) = self.entries.pop_front() {
                if let Some(key) = &entry.key {
                    self.latest_by_key.remove(key);
                }
                self.forget_id(&entry);
            } else if self.per_topic.drop_oldest() {
                self.per_topic.pop_dropped();
            } else if !self.drop_oldest_key() {
                return false;
            }
        }
        true
    }

    /// Returns whether events after this sequence are lost for good.
    pub(crate) fn is_truncated(&self, sequence: u64) -> bool {
        sequence < self.truncated
    }

    /// Removes events that exceed the retention.
    fn evict(&mut self) {
        let Retention { events, keys, .. } = self.retention;
        self.expire();
        let mut old = 0;
        loop {
            let is_full = self.bytes + self.per_topic.overhead() > self.retention.bytes;
            if is_full && self.drop_oldest_key() {
                continue;
            }
            let is_over = is_full || self.entries.len() > events;
            let is_old = old < MAX_DROPS_PER_CALL && self.is_old();
            // The latest event stays, even if it is too large, so that it reaches the subscribers that wait for it.
            if self.entries.len() > 1 && (is_over || is_old) {
                old += 1;
                self.retire_oldest();
            } else if !(is_full && self.per_topic.drop_oldest()) {
                break;
            }
            self.record_dropped();
        }
        while self.kept_by_key.len() > keys {
            self.drop_oldest_key();
        }
    }

    /// Removes the oldest event of the main queue. It is then kept for its key or its topics, or lost.
    fn retire_oldest(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        let sequence = entry.sequence;
        self.floor = self.floor.max(sequence);
        if let Some(key) = &entry.key
            && self.latest_by_key.get(key) == Some(&sequence)
        {
            self.kept_by_key.insert(sequence, Arc::clone(&entry));
        }
        match sequence <= self.expired {
            true => self.record_loss(&entry),
            false => self.per_topic.insert(entry),
        }
    }

    /// Handles the events that are not kept for a topic any more.
    fn record_dropped(&mut self) {
        while let Some(entry) = self.per_topic.pop_dropped() {
            self.record_loss(&entry);
        }
    }

    /// Notes that an event is kept neither in the main queue nor for a topic any more.
    fn record_loss(&mut self, entry: &Entry) {
        self.lost.add(entry.sequence, &entry.topics);
        if !self.kept_by_key.contains_key(&entry.sequence) {
            self.release_memory(entry);
        }
    }

    /// Notes that an event is not kept any more.
    fn release_memory(&mut self, entry: &Entry) {
        self.bytes -= entry.size();
        self.forget_id(entry);
        if let Some(key) = &entry.key
            && self.latest_by_key.get(key) == Some(&entry.sequence)
        {
            self.latest_by_key.remove(key);
        }
    }

    fn forget_id(&mut self, entry: &Entry) {
        if let Some(id) = &entry.id {
            self.ids.remove(&(id.clone(), entry.sequence));
        }
    }

    /// Marks events that are too old, except the latest one. Drops some of those that are kept for their topics.
    fn expire(&mut self) {
        self.expired = self.expired_among(self.entries.len().saturating_sub(1));
        self.floor = self.floor.max(self.expired);
        self.per_topic
            .drop_through(self.expired, MAX_DROPS_PER_CALL);
        self.record_dropped();
    }

    /// Returns whether the oldest event of the main queue is too old to be replayed.
    fn is_old(&self) -> bool {
        let first = self.entries.front();
        first.is_some_and(|entry| entry.sequence <= self.expired)
    }

    /// Drops the oldest event that is kept for its key. Returns whether there was one.
    fn drop_oldest_key(&mut self) -> bool {
        let Some((sequence, entry)) = self.kept_by_key.pop_first() else {
            return false;
        };
        self.kept_by_key_floor = sequence;
        if !self.per_topic.contains(sequence) {
            self.release_memory(&entry);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use core::{iter, time::Duration};

    use super::{search::merge, *};
    use crate::{Encoded, Event, Publication, Topic, TopicFilters, Topics, turn::Turn};

    #[test]
    fn the_bytes_of_an_event_are_those_that_it_takes() {
        const EVENTS: usize = 200;
        for topics in [1, 2, 64] {
            for length in [3, 30, 250] {
                for data in ["x".to_owned(), "x".repeat(3000), "\n".repeat(500)] {
                    for key in [None, Some("k"), Some("a key that is somewhat longer")] {
                        let publication = |sequence: usize| {
                            let topic = |index: usize| {
                                format!("{sequence:03}{}", "x".repeat(length)) + &index.to_string()
                            };
                            let topics = Topics::new((0..topics).map(topic)).unwrap();
                            let publication = Publication::new(topics, Event::new(data.clone()));
                            match key {
                                Some(key) => publication.with_key(format!("{key}{sequence}")),
                                None => publication,
                            }
                        };
                        let mut log = Log::new(Retention::default(), 0);
                        let used = allocation_counter::measure(|| {
                            fill(&mut log, (0..EVENTS).map(publication));
                        });
                        let used = used.bytes_current as usize / EVENTS;
                        let counted = log.bytes / EVENTS;
                        let case = format!(
                            "{topics} topics of {length} bytes, {} of data, key {key:?}: {counted} of {used} counted",
                            data.len()
                        );
                        assert!(counted >= used * 4 / 5, "{case}");
                        assert!(counted <= used * 3 / 2 + 64, "{case}");
                    }
                }
            }
        }
    }

    fn fill(log: &mut Log, publications: impl IntoIterator<Item = Publication>) {
        for publication in publications {
            let sequence = log.latest() + 1;
            log.append(Arc::new(Entry {
                sequence,
                topics: publication.topics.clone(),
                is_private: false,
                key: publication.key(),
                id: None,
                block: Encoded::from(&publication.event),
                appended_at: Instant::now(),
            }));
        }
    }

    fn audience<T: AsRef<str>>(topics: impl IntoIterator<Item = T>) -> Audience {
        TopicFilters::new(topics).unwrap().into()
    }

    /// Returns an event with 1000 bytes of data.
    fn publication(topic: usize, key: Option<usize>) -> Publication {
        let topic = Topic::new(topic.to_string()).unwrap();
        let publication = Publication::new(topic, Event::new("x".repeat(1000)));
        match key {
            Some(key) => publication.with_key(key.to_string()),
            None => publication,
        }
    }

    /// Returns the size of all events, each counted once.
    fn sum(log: &Log) -> usize {
        let kept = merge(log.per_topic.after(0), log.kept_by_key.values());
        let entries = log.entries.iter().chain(kept);
        entries.map(|entry| entry.size()).sum()
    }

    /// Returns the memory that the log counters.
    fn counted(log: &Log) -> usize {
        log.bytes + log.per_topic.overhead()
    }

    #[test]
    fn it_is_bounded_whatever_topics_and_keys_there_are() {
        let retention = Retention {
            events: 100,
            keys: 50,
            bytes: 150_000,
            ..Retention::default()
        };
        let mut log = Log::new(retention, 0);
        for round in 0..5_000 {
            let key = (round % 3 > 0).then_some(round % 1_000);
            fill(&mut log, [publication(round % 7, key)]);
            assert!(log.entries.len() <= 100 && log.kept_by_key.len() <= 50);
            assert!(
                log.latest_by_key.len() <= 150,
                "{} keys",
                log.latest_by_key.len()
            );
            assert!(counted(&log) <= 150_000 && log.bytes == sum(&log));
        }
        assert!(
            log.entries.len() > 90,
            "the latest events of keys are dropped first"
        );
    }

    #[test]
    fn events_that_are_kept_for_several_reasons_are_counted_once() {
        let mut random = fastrand::Rng::with_seed(7);
        for per_topic in [0, 1, 3] {
            let retention = Retention {
                events: 20,
                keys: 10,
                bytes: 100_000,
                events_per_topic: per_topic,
                ..Retention::default()
            };
            let mut log = Log::new(retention, 0);
            for _ in 0..5_000 {
                let texts = (0..random.usize(1..4)).map(|_| random.u8(0..60).to_string());
                let topics = Topics::new(texts.collect::<Vec<_>>()).unwrap();
                let length = [10, 1_000, 30_000][random.usize(..50) / 24];
                let mut publication = Publication::new(topics, Event::new("x".repeat(length)));
                if random.bool() {
                    publication = publication.with_key(random.u8(0..5).to_string());
                }
                fill(&mut log, [publication]);
                assert!(counted(&log) <= 100_000 && log.bytes == sum(&log));
                assert!(log.per_topic.bytes() <= 50_000);
                assert!(log.per_topic.topics() <= 60);
                let kept = log.per_topic.after(0).count();
                assert!(kept <= 60 * per_topic);
                assert!(
                    log.latest_by_key.len() <= log.entries.len() + log.kept_by_key.len() + kept
                );
            }
        }
    }

    /// Events that have left the main queue take the memory that is counted, and are dropped in slices.
    #[test]
    fn events_of_many_quiet_topics() {
        const EVENTS: usize = 5_000;
        let retention = Retention {
            events: 1,
            ..Retention::default()
        };
        for (topics, length) in [(1, 1), (1, 200), (5, 20)] {
            let mut log = Log::new(retention, 0);
            let publication = |sequence: usize| {
                let text = |index: usize| format!("{sequence}/{index}{}", "x".repeat(length));
                let topics = Topics::new((0..topics).map(text)).unwrap();
                Publication::new(topics, Event::new("x"))
            };
            let used = allocation_counter::measure(|| fill(&mut log, (0..EVENTS).map(publication)));
            let used = used.bytes_current as usize / EVENTS;
            let counted = counted(&log) / EVENTS;
            let case = format!("{topics} topics of {length} bytes: {counted} of {used} counted");
            assert!(counted >= used * 4 / 5, "{case}");
            assert!(counted <= used * 3 / 2 + 64, "{case}");
            let kept = |log: &Log| log.per_topic.after(0).count();
            assert_eq!(kept(&log), EVENTS - 1);
            assert!(log.drop_some());
            assert_eq!(kept(&log), EVENTS - MAX_DROPS_PER_CALL);
            while log.drop_some() {}
            assert_eq!((kept(&log), log.per_topic.topics()), (0, 0));
            assert_eq!(log.per_topic.bytes(), 0);
        }
    }

    #[test]
    fn few_kept_events_that_are_too_old_leave_at_once() {
        let retention = Retention {
            events: 1,
            age: Some(Duration::from_millis(50)),
            ..Retention::default()
        };
        let mut log = Log::new(retention, 0);
        fill(&mut log, (0..3_000).map(|topic| publication(topic, None)));
        let kept = |log: &Log| log.per_topic.after(0).count();
        let before = kept(&log);
        std::thread::sleep(Duration::from_millis(100));
        fill(&mut log, [publication(0, None)]);
        assert!(kept(&log) + 2 * MAX_DROPS_PER_CALL >= before);
        let found = log.find(
            0,
            &Audience::from(TopicFilters::all()),
            false,
            0,
            &mut Turn::new(),
        );
        assert_eq!(found.blocks.len(), 1, "the others are too old");
        fill(&mut log, [1, 2, 3].map(|topic| publication(topic, None)));
        assert!(kept(&log) <= 3);
        assert_eq!(log.bytes, sum(&log));
    }

    #[test]
    fn topics_and_keys_are_bytes_too() {
        let retention = Retention {
            bytes: 50_000,
            ..Retention::default()
        };
        let mut log = Log::new(retention, 0);
        for sequence in 0..100 {
            let topic = Topic::new(format!("{sequence:0200}")).unwrap();
            let publication = Publication::new(topic, Event::new("x"));
            fill(
                &mut log,
                [publication.with_key(format!("{sequence:02000}"))],
            );
        }
        assert!(log.entries.len() < 25, "{} entries", log.entries.len());
    }

    #[test]
    fn many_filters_examine_few_entries_at_a_time() {
        let mut log = Log::new(Retention::default(), 0);
        fill(
            &mut log,
            (0..1000).map(|sequence| publication(sequence % 10, None)),
        );
        let filters = audience((3..67).map(|topic| topic.to_string()));
        for (events, expected) in [(0, 1000), (1, 999), (7, 993), (8, 989), (700, 3), (701, 0)] {
            let mut search = BackwardSearch::new(events, 1000);
            let turns =
                iter::repeat_with(|| log.search_back(&mut search, &filters, &mut Turn::new()));
            let turns: Vec<_> = turns.take_while(Option::is_none).collect();
            let found = log.search_back(&mut search, &filters, &mut Turn::new());
            assert_eq!(found, Some(expected), "{events}");
            assert_eq!(
                turns.len(),
                (1000 - expected as usize).saturating_sub(1) / 64
            );
        }
        let found = log.find(0, &filters, false, 0, &mut Turn::new());
        assert_eq!(found.position, 25, "a frame is full");
        let filters = audience((10..74).map(|topic| topic.to_string()));
        let found = log.find(0, &filters, false, 0, &mut Turn::new());
        assert_eq!(found.position, 64);
    }

    #[test]
    fn an_event_that_is_slow_to_match_ends_the_turn() {
        let texts = (0..64).map(|index| format!("{index:0256}"));
        let topics = Topics::new(texts).unwrap();
        let mut log = Log::new(Retention::default(), 0);
        fill(
            &mut log,
            [1, 2].map(|_| Publication::new(topics.clone(), Event::new("x"))),
        );
        let filters = audience((0..64).map(|index| format!("{index:0255}")));
        for cursor in [0, 1] {
            let found = log.find(cursor, &filters, false, 0, &mut Turn::new());
            assert_eq!(found.position, cursor + 1, "exactly one event");
        }
    }

    #[test]
    fn a_large_event_is_a_frame_of_its_own() {
        let mut log = Log::new(Retention::default(), 0);
        let large = || {
            Publication::new(
                Topic::new("1").unwrap(),
                Event::new("x".repeat(MAX_FRAME_BYTES)),
            )
        };
        fill(
            &mut log,
            [publication(1, None), large(), large(), publication(1, None)],
        );
        let filters = Audience::from(TopicFilters::all());
        for cursor in 0..4 {
            let found = log.find(cursor, &filters, false, 0, &mut Turn::new());
            assert_eq!(found.blocks.len(), 1, "after {cursor}");
        }
    }

    #[test]
    fn one_event_is_kept_however_large_it_is() {
        let retention = Retention {
            bytes: 10,
            ..Retention::default()
        };
        let mut log = Log::new(retention, 0);
        fill(
            &mut log,
            [
                publication(1, None),
                publication(1, Some(1)),
                publication(1, None),
            ],
        );
        assert_eq!((log.entries.len(), log.kept_by_key.len()), (1, 0));
        assert!(log.reaches(2, false) && !log.reaches(1, false));
    }

    #[test]
    fn old_events_leave() {
        let retention = Retention {
            age: Some(Duration::from_millis(5)),
            ..Retention::default()
        };
        let mut log = Log::new(retention, 0);
        fill(&mut log, [publication(1, None), publication(1, Some(1))]);
        std::thread::sleep(Duration::from_millis(10));
        fill(&mut log, [publication(1, None)]);
        assert_eq!(log.entries.len(), 1);
        assert!(log.reaches(2, false) && !log.reaches(1, false));
        assert_eq!(
            log.kept_by_key.len(),
            1,
            "the latest event of a key is kept at any age"
        );
    }
}
