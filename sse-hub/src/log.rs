//! The events that are kept: all of them for a while, and of each key the latest.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use sse_hyper::Encoded;

use crate::{Selection, Topics, post::Key, settings::Retention};

/// How many topics are matched in one look at the log, for others want to publish meanwhile.
const SCAN: usize = 4096;

/// A frame is full at so many bytes.
pub(crate) const FULL_FRAME: usize = 16 * 1024;

/// What an entry takes beside its texts, about.
const OVERHEAD: usize = 160;

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
    fn size(&self) -> usize {
        let topics = self.topics.iter().map(|topic| topic.as_str().len());
        let key = self.key.as_ref().map_or(0, |(_, key)| key.len());
        self.block.len() + topics.sum::<usize>() + key + OVERHEAD
    }

    /// How many topics are matched to see whether it is selected.
    fn cost(&self, selection: &Selection) -> usize {
        self.topics.iter().len() * selection.iter().len()
    }
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
    /// All events up to this one have left the front.
    floor: u64,
    /// Events up to this one are lost for good.
    gone: u64,
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
    /// This was the whole log.
    pub(crate) is_all: bool,
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
            latest: HashMap::new(),
            state: BTreeMap::new(),
            state_floor: newest,
        }
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether everything behind this number is still here, or of each key the latest of it.
    pub(crate) fn reaches(&self, number: u64, is_latest_enough: bool) -> bool {
        self.start(is_latest_enough) <= number
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

    /// Gives up what there is, for events up to this one are missing behind it, here or for good.
    pub(crate) fn skip_to(&mut self, number: u64, for_good: bool) {
        let gone = if for_good { number } else { self.gone };
        *self = Self {
            gone,
            ..Self::new(self.retention, number)
        };
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
        loop {
            let is_full = self.bytes > bytes;
            if is_full && self.drop_state() {
                continue;
            }
            // The newest event stays, however large it is, so that it reaches who is waiting for it.
            let is_to_go = is_full || self.entries.len() > events || self.is_old(age);
            if !is_to_go || self.entries.len() <= 1 {
                break;
            }
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            self.floor = entry.number;
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

    fn is_old(&self, age: Option<Duration>) -> bool {
        match (age, self.entries.front()) {
            (Some(age), Some(entry)) => entry.at.elapsed() > age,
            _ => false,
        }
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

    /// The events of this selection behind this number, up to a full frame. With `latest`, only those
    /// that no newer one of their key replaces.
    pub(crate) fn find(&self, after: u64, selection: &Selection, latest: bool) -> Found {
        let mut found = Found {
            cursor: after,
            ..Found::default()
        };
        let mut size = 0;
        let start = self.entries.partition_point(|it| it.number <= after);
        let state = if latest { after + 1 } else { u64::MAX };
        let state = self.state.range(state..).map(|(_, entry)| entry);
        let mut matched = 0;
        for entry in state.chain(self.entries.range(start..)) {
            if size >= FULL_FRAME || matched >= SCAN {
                return found;
            }
            matched += entry.cost(selection);
            if selection.matches_any(&entry.topics) && !(latest && self.is_replaced(entry)) {
                size += entry.block.len();
                found.blocks.push(entry.block.clone());
            }
            found.cursor = entry.number;
        }
        found.cursor = self.newest.max(after);
        found.is_all = true;
        found
    }

    fn is_replaced(&self, entry: &Entry) -> bool {
        let key = entry.key.as_ref();
        key.is_some_and(|key| self.latest.get(key) != Some(&entry.number))
    }

    /// The number behind which everything is that is kept.
    pub(crate) fn start(&self, latest: bool) -> u64 {
        if latest { self.state_floor } else { self.floor }
    }

    /// The number behind which the newest events of this selection are, once that is found: to be
    /// called again if not.
    pub(crate) fn step_back(&self, back: &mut Back, selection: &Selection) -> Option<u64> {
        let end = self.entries.partition_point(|it| it.number < back.before);
        let mut matched = 0;
        for entry in self.entries.range(..end).rev() {
            if back.left == 0 {
                return Some(entry.number);
            }
            if matched >= SCAN {
                return None;
            }
            matched += entry.cost(selection);
            back.before = entry.number;
            back.left -= usize::from(selection.matches_any(&entry.topics));
        }
        Some(self.floor)
    }
}

/// The way back to the newest events of a selection.
#[derive(Debug)]
pub(crate) struct Back {
    /// How many there are to find yet.
    left: usize,
    /// From here on, all was looked at.
    before: u64,
}

impl Back {
    pub(crate) fn new(events: usize) -> Self {
        Self {
            left: events,
            before: u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use sse_hyper::Event;

    use super::*;
    use crate::{Post, Topic};

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
            bytes: 120_000,
            ..Retention::default()
        };
        let mut log = Log::new(retention, 0);
        for round in 0..5_000 {
            let key = (round % 3 > 0).then_some(round % 1_000);
            fill(&mut log, [post(round % 7, key)]);
            assert!(log.entries.len() <= 100 && log.state.len() <= 50);
            assert!(log.latest.len() <= 150, "{} keys", log.latest.len());
            assert!(log.bytes <= 120_000 && log.bytes == sum(&log));
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
            let mut back = Back::new(events);
            let looks = core::iter::repeat_with(|| log.step_back(&mut back, &selection));
            let looks: Vec<_> = looks.take_while(Option::is_none).collect();
            assert_eq!(
                log.step_back(&mut back, &selection),
                Some(expected),
                "{events}"
            );
            assert_eq!(
                looks.len(),
                (1000 - expected as usize).saturating_sub(1) / 64
            );
        }
        let found = log.find(0, &selection, false);
        assert_eq!((found.cursor, found.is_all), (26, false), "a frame is full");
        let selection = Selection::new((10..74).map(|topic| topic.to_string())).unwrap();
        let found = log.find(0, &selection, false);
        assert_eq!((found.cursor, found.is_all), (64, false));
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
        assert_eq!(
            log.state.len(),
            1,
            "the latest of its key is no matter of age"
        );
    }
}
