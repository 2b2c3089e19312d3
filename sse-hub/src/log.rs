//! The events that are kept: all of them for a while, and of each key the latest.

use core::ops::Bound;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use sse_hyper::Encoded;

use crate::{
    Selection, Topic, Topics, lost::LostEvents, post::Key, settings::Retention, turn::Turn,
};

/// A frame is full at so many bytes. A larger event is a frame of its own, which is not copied.
pub(crate) const FULL_FRAME: usize = 16 * 1024;

/// How many events leave at once because of their age: to drop very many takes long.
const LEAVE_AT_ONCE: usize = 1024;

/// Maximum number of comparisons of selectors and events, to tell whether events that are too old are missed.
const MAX_OLD_COMPARISONS: usize = 4096;

/// So many bytes of a topic or a key take as long as a short one does.
const SHORT: usize = 16;

/// Memory of an [`Encoded`] event in addition to its bytes: unused room, and a count of its clones.
const BLOCK_OVERHEAD: usize = 64;

/// An event as it is kept: encoded, with its ID.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) topics: Topics,
    pub(crate) key: Option<Key>,
    pub(crate) block: Encoded,
    pub(crate) at: Instant,
}

impl Entry {
    /// Returns about how many bytes of memory it takes, as if it shared its topics with no other event.
    pub(crate) fn size(&self) -> usize {
        let topics = shared(self.topics.iter().len() * size_of::<Topic>());
        let texts = self.topics.iter().map(|it| shared(it.as_str().len()));
        // Maps have room for more than they hold.
        let key = self.key.as_ref().map_or(0, |(_, key)| {
            shared(key.len()) + 2 * size_of::<(Key, u64)>()
        });
        let block = allocated(self.block.len()) + allocated(BLOCK_OVERHEAD);
        let entry = shared(size_of::<Self>()) + 2 * size_of::<Arc<Self>>();
        entry + block + topics + texts.sum::<usize>() + key
    }

    /// The work of seeing whether it is selected.
    fn cost(&self, selection: &Selection) -> usize {
        let key = self.key.as_ref().map_or(0, |(_, key)| key.len());
        cost(&self.topics, selection) + key / SHORT
    }
}

/// The work of matching these topics, in units of [`Turn`].
pub(crate) fn cost(topics: &Topics, selection: &Selection) -> usize {
    let topics = topics.iter().map(|topic| 1 + topic.as_str().len() / SHORT);
    topics.sum::<usize>() * selection.iter().len()
}

/// Returns the memory of an allocation of this length: allocators round up, and add some words of their own.
fn allocated(bytes: usize) -> usize {
    (bytes + size_of::<usize>()).next_multiple_of(16)
}

/// Returns the memory of an `Arc` with its two counts.
fn shared(bytes: usize) -> usize {
    allocated(2 * size_of::<usize>() + bytes)
}

/// The newest events of all topics, up to a number of them and of bytes. Events leave it at the front,
/// oldest first; those that are still the latest of their key stay in `state` as long as there is room.
#[derive(Debug)]
pub(crate) struct Log {
    retention: Retention,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The number of the newest event, of those before this log if it has had none.
    newest: u64,
    /// All events up to this one have left the front, or are too old and will.
    floor: u64,
    /// Events up to this one are lost for good.
    gone: u64,
    /// Topics of the events that have left the front.
    lost: LostEvents,
    /// The newest event of each key.
    latest: HashMap<Key, u64>,
    /// Those of them that have left the front.
    state: BTreeMap<u64, Arc<Entry>>,
    /// The newest that was the latest of its key, and could not be kept.
    state_floor: u64,
}

/// What a look at the log has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Events that were looked for, one frame of them.
    pub(crate) blocks: Vec<Encoded>,
    /// Up to here, there are no others.
    pub(crate) cursor: u64,
}

impl Log {
    /// An empty log, which goes on behind this number.
    pub(crate) fn new(retention: Retention, newest: u64) -> Self {
        Self {
            retention,
            entries: VecDeque::new(),
            bytes: 0,
            newest,
            floor: newest,
            gone: 0,
            lost: LostEvents::new(newest),
            latest: HashMap::new(),
            state: BTreeMap::new(),
            state_floor: newest,
        }
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// The number up to which all events are too old now to be replayed. Nothing may have been published for
    /// long, so this is later than what has left.
    pub(crate) fn expired(&self) -> u64 {
        let Some(age) = self.retention.age else {
            return self.floor;
        };
        let last = self.count_older(age).checked_sub(1);
        let last = last.and_then(|last| self.entries.get(last));
        last.map_or(self.floor, |entry| self.floor.max(entry.number))
    }

    /// Whether everything behind this number is still here, or of each key the latest of it.
    pub(crate) fn reaches(&self, number: u64, is_latest_enough: bool) -> bool {
        self.start(is_latest_enough) <= number
    }

    /// Returns whether an event of this selection may be missing after this number and up to the other one, up to
    /// which events are not replayed any more.
    pub(crate) fn may_miss(&self, after: u64, through: u64, selection: &Selection) -> bool {
        if self.lost.may_match(after, selection) {
            return true;
        }
        let start = self.entries.partition_point(|it| it.number <= after);
        let end = self.entries.partition_point(|it| it.number <= through);
        let mut old = self.entries.range(start..end.max(start));
        old.len() * selection.iter().len() > MAX_OLD_COMPARISONS
            || old.any(|entry| selection.matches_any(&entry.topics))
    }

    /// Returns the number up to which all events have left the front, or are too old and will.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Adds an event that is newer than all.
    pub(crate) fn append(&mut self, entry: Arc<Entry>) {
        debug_assert!(entry.number > self.newest);
        self.newest = entry.number;
        self.bytes += entry.size();
        if let Some(key) = &entry.key
            && let Some(older) = self.latest.insert(key.clone(), entry.number)
            && let Some(older) = self.state.remove(&older)
        {
            self.bytes -= older.size();
        }
        self.entries.push_back(entry);
        self.evict();
    }

    /// Gives up what there is, because events up to this one are missing after it, here or for good.
    /// Returns what there was, which takes long to drop: see [`drop_some`](Self::drop_some).
    #[must_use]
    pub(crate) fn skip_to(&mut self, number: u64, for_good: bool) -> Self {
        let gone = if for_good { number } else { self.gone };
        let empty = Self {
            gone,
            ..Self::new(self.retention, number)
        };
        core::mem::replace(self, empty)
    }

    /// Drops some of the events of a log that is not read any more. Returns whether there may be more.
    pub(crate) fn drop_some(&mut self) -> bool {
        for _ in 0..LEAVE_AT_ONCE {
            if self.entries.pop_front().is_none() && !self.drop_state() {
                return false;
            }
        }
        true
    }

    /// Whether events behind this number are lost for good.
    pub(crate) fn is_gone(&self, number: u64) -> bool {
        number < self.gone
    }

    fn evict(&mut self) {
        let Retention {
            events,
            bytes,
            age,
            keys,
        } = self.retention;
        self.expire(age);
        let mut old = 0;
        loop {
            let is_full = self.bytes > bytes;
            if is_full && self.drop_state() {
                continue;
            }
            // The newest event stays, however large it is, so that it reaches who is waiting for it.
            let is_over = is_full || self.entries.len() > events;
            let is_old = old < LEAVE_AT_ONCE && self.is_old();
            if !(is_over || is_old) || self.entries.len() <= 1 {
                break;
            }
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            old += 1;
            self.floor = self.floor.max(entry.number);
            self.lost.add(entry.number, &entry.topics);
            match &entry.key {
                Some(key) if self.latest.get(key) == Some(&entry.number) => {
                    self.state.insert(entry.number, entry);
                }
                _ => self.bytes -= entry.size(),
            }
        }
        while self.state.len() > keys {
            self.drop_state();
        }
    }

    /// Events that are too old are not found any more, but for the newest.
    fn expire(&mut self, age: Option<Duration>) {
        let Some(age) = age else { return };
        let old = self.count_older(age);
        let last = old.min(self.entries.len().saturating_sub(1)).checked_sub(1);
        if let Some(entry) = last.and_then(|last| self.entries.get(last)) {
            self.floor = self.floor.max(entry.number);
        }
    }

    /// Returns the number of events that are older than this.
    fn count_older(&self, age: Duration) -> usize {
        self.entries.partition_point(|it| it.at.elapsed() > age)
    }

    /// Returns whether the first event is not found any more.
    fn is_old(&self) -> bool {
        let first = self.entries.front();
        first.is_some_and(|entry| entry.number <= self.floor)
    }

    /// Drops the oldest event that is kept for its key alone.
    fn drop_state(&mut self) -> bool {
        let Some((number, entry)) = self.state.pop_first() else {
            return false;
        };
        self.bytes -= entry.size();
        self.state_floor = number;
        if let Some(key) = &entry.key {
            self.latest.remove(key);
        }
        true
    }

    /// The events of this selection after this number, up to a full frame or to the end of the turn.
    /// With `latest`, only those that no newer one of their key replaces, and of those without a key only what
    /// follows `expired`.
    pub(crate) fn find(
        &self,
        after: u64,
        selection: &Selection,
        latest: bool,
        expired: u64,
        turn: &mut Turn,
    ) -> Found {
        let mut found = Found {
            cursor: after,
            ..Found::default()
        };
        let mut size = 0;
        let start = self.entries.partition_point(|it| it.number <= after);
        let state = if latest { after } else { u64::MAX };
        let state = self.state.range((Bound::Excluded(state), Bound::Unbounded));
        let state = state.map(|(_, entry)| entry);
        for entry in state.chain(self.entries.range(start..)) {
            if turn.is_over() {
                return found;
            }
            turn.spend(entry.cost(selection));
            if selection.matches_any(&entry.topics) && !(latest && self.is_replaced(entry, expired))
            {
                if size > 0 && size + entry.block.len() > FULL_FRAME {
                    return found;
                }
                size += entry.block.len();
                found.blocks.push(entry.block.clone());
            }
            found.cursor = entry.number;
        }
        found.cursor = self.newest.max(after);
        found
    }

    fn is_replaced(&self, entry: &Entry, expired: u64) -> bool {
        match &entry.key {
            Some(key) => self.latest.get(key) != Some(&entry.number),
            // It is too old, and was not even the state of something.
            None => entry.number <= self.floor.max(expired),
        }
    }

    /// The number behind which everything is that is kept.
    fn start(&self, latest: bool) -> u64 {
        if latest { self.state_floor } else { self.floor }
    }

    /// Returns the number after which all events may be replayed.
    pub(crate) fn replay_start(&self, latest: bool) -> u64 {
        if latest {
            self.state_floor
        } else {
            self.expired()
        }
    }

    /// Returns the number after which the newest events of this selection are, once that is found: to
    /// be called again in the next turn if not.
    pub(crate) fn step_back(
        &self,
        back: &mut Back,
        selection: &Selection,
        turn: &mut Turn,
    ) -> Option<u64> {
        let floor = self.expired();
        let start = self.entries.partition_point(|it| it.number <= floor);
        let end = self.entries.partition_point(|it| it.number <= back.through);
        for entry in self.entries.range(start..end.max(start)).rev() {
            if back.left == 0 {
                break;
            }
            if turn.is_over() {
                return None;
            }
            turn.spend(entry.cost(selection));
            // Numbers begin with 1.
            back.through = entry.number - 1;
            back.left -= usize::from(selection.matches_any(&entry.topics));
        }
        let found = if back.left == 0 { back.through } else { floor };
        // Some of them may have left meanwhile.
        Some(found.max(floor))
    }
}

/// The way back to the newest events of a selection.
#[derive(Debug)]
pub(crate) struct Back {
    /// How many there are to find yet.
    left: usize,
    /// Up to here, nothing was looked at.
    through: u64,
}

impl Back {
    /// Creates the way to the newest `events` events up to `through`.
    pub(crate) fn new(events: usize, through: u64) -> Self {
        Self {
            left: events,
            through,
        }
    }
}

#[cfg(test)]
mod tests {
    use sse_hyper::Event;

    use super::*;
    use crate::Post;

    #[test]
    fn the_bytes_of_an_event_are_those_that_it_takes() {
        const EVENTS: usize = 200;
        for topics in [1, 2, 64] {
            for length in [3, 30, 250] {
                for data in ["x".to_owned(), "x".repeat(3000), "\n".repeat(500)] {
                    for key in [None, Some("k"), Some("a key that is somewhat longer")] {
                        let post = |number: usize| {
                            let topic = |it: usize| {
                                format!("{number:03}{}", "x".repeat(length)) + &it.to_string()
                            };
                            let topics = Topics::new((0..topics).map(topic)).unwrap();
                            let post = Post::new(topics, Event::new(data.clone()));
                            match key {
                                Some(key) => post.with_key(format!("{key}{number}")),
                                None => post,
                            }
                        };
                        let mut log = Log::new(Retention::default(), 0);
                        let used = allocation_counter::measure(|| {
                            fill(&mut log, (0..EVENTS).map(post));
                        });
                        let used = used.bytes_current as usize / EVENTS;
                        let counted = log.bytes / EVENTS;
                        let what = format!(
                            "{topics} topics of {length} bytes, {} of data, key {key:?}: {counted} of {used} counted",
                            data.len()
                        );
                        assert!(counted >= used * 4 / 5, "{what}");
                        assert!(counted <= used * 3 / 2 + 64, "{what}");
                    }
                }
            }
        }
    }

    fn fill(log: &mut Log, posts: impl IntoIterator<Item = Post>) {
        for post in posts {
            let number = log.newest() + 1;
            log.append(Arc::new(Entry {
                number,
                topics: post.topics.clone(),
                key: post.key(),
                block: Encoded::from(&post.event),
                at: Instant::now(),
            }));
        }
    }

    /// A post of 1000 bytes and some.
    fn post(topic: usize, key: Option<usize>) -> Post {
        let topic = Topic::new(topic.to_string()).unwrap();
        let post = Post::new(topic, Event::new("x".repeat(1000)));
        match key {
            Some(key) => post.with_key(key.to_string()),
            None => post,
        }
    }

    fn sum(log: &Log) -> usize {
        let entries = log.entries.iter().chain(log.state.values());
        entries.map(|entry| entry.size()).sum()
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
            fill(&mut log, [post(round % 7, key)]);
            assert!(log.entries.len() <= 100 && log.state.len() <= 50);
            assert!(log.latest.len() <= 150, "{} keys", log.latest.len());
            assert!(log.bytes <= 150_000 && log.bytes == sum(&log));
        }
        assert!(log.entries.len() > 90, "the state goes first");
    }

    #[test]
    fn topics_and_keys_are_bytes_too() {
        let retention = Retention {
            bytes: 50_000,
            ..Retention::default()
        };
        let mut log = Log::new(retention, 0);
        for number in 0..100 {
            let topic = Topic::new(format!("{number:0200}")).unwrap();
            let post = Post::new(topic, Event::new("x"));
            fill(&mut log, [post.with_key(format!("{number:02000}"))]);
        }
        assert!(log.entries.len() < 25, "{} entries", log.entries.len());
    }

    #[test]
    fn many_selectors_look_at_few_entries_at_a_time() {
        let mut log = Log::new(Retention::default(), 0);
        fill(&mut log, (0..1000).map(|number| post(number % 10, None)));
        let selection = Selection::new((3..67).map(|topic| topic.to_string())).unwrap();
        for (events, expected) in [(0, 1000), (1, 999), (7, 993), (8, 989), (700, 3), (701, 0)] {
            let mut back = Back::new(events, 1000);
            let looks =
                core::iter::repeat_with(|| log.step_back(&mut back, &selection, &mut Turn::new()));
            let looks: Vec<_> = looks.take_while(Option::is_none).collect();
            let found = log.step_back(&mut back, &selection, &mut Turn::new());
            assert_eq!(found, Some(expected), "{events}");
            assert_eq!(
                looks.len(),
                (1000 - expected as usize).saturating_sub(1) / 64
            );
        }
        let found = log.find(0, &selection, false, 0, &mut Turn::new());
        assert_eq!(found.cursor, 25, "a frame is full");
        let selection = Selection::new((10..74).map(|topic| topic.to_string())).unwrap();
        let found = log.find(0, &selection, false, 0, &mut Turn::new());
        assert_eq!(found.cursor, 64);
    }

    #[test]
    fn an_event_that_takes_long_to_match_ends_the_turn() {
        let texts = (0..64).map(|index| format!("{index:0256}"));
        let topics = Topics::new(texts).unwrap();
        let mut log = Log::new(Retention::default(), 0);
        fill(
            &mut log,
            [1, 2].map(|_| Post::new(topics.clone(), Event::new("x"))),
        );
        let selection = Selection::new((0..64).map(|index| format!("{index:0255}"))).unwrap();
        for cursor in [0, 1] {
            let found = log.find(cursor, &selection, false, 0, &mut Turn::new());
            assert_eq!(found.cursor, cursor + 1, "one at least, and no more");
        }
    }

    #[test]
    fn a_large_event_is_a_frame_of_its_own() {
        let mut log = Log::new(Retention::default(), 0);
        let large = || Post::new(Topic::new("1").unwrap(), Event::new("x".repeat(FULL_FRAME)));
        fill(&mut log, [post(1, None), large(), large(), post(1, None)]);
        let selection = Selection::all();
        for cursor in 0..4 {
            let found = log.find(cursor, &selection, false, 0, &mut Turn::new());
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
        fill(&mut log, [post(1, None), post(1, Some(1)), post(1, None)]);
        assert_eq!((log.entries.len(), log.state.len()), (1, 0));
        assert!(log.reaches(2, false) && !log.reaches(1, false));
    }

    #[test]
    fn old_events_leave() {
        let retention = Retention {
            age: Some(Duration::from_millis(5)),
            ..Retention::default()
        };
        let mut log = Log::new(retention, 0);
        fill(&mut log, [post(1, None), post(1, Some(1))]);
        std::thread::sleep(Duration::from_millis(10));
        fill(&mut log, [post(1, None)]);
        assert_eq!(log.entries.len(), 1);
        assert!(log.reaches(2, false) && !log.reaches(1, false));
        assert_eq!(
            log.state.len(),
            1,
            "the latest of its key is no matter of age"
        );
    }
}
