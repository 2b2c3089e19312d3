//! Thousands of random steps of many subscribers. Each step is compared with a model.
//!
//! The model is a list of all events that were ever published. It determines the events that a subscriber must get
//! after its last event.
#![expect(clippy::disallowed_methods, reason = "the test parses its own numbers")]

mod support;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::{FutureExt, Stream};
use sse_hub::{
    Hub, HubConfig, LagPolicy, Publication, Retention, Subscription, SubscriptionBuilder,
    TopicFilters, Topics,
};
use sse_hyper::{Event, EventId};
use support::channels;

/// Maximum number of events in the log. The limits are small, so that the test reaches them all the time.
const MAX_EVENTS: usize = 40;
/// Maximum number of keys whose latest event is kept after it leaves the log.
const MAX_KEYS: usize = 6;
/// Number of the latest events of each topic that are kept after they leave the log.
const EVENTS_PER_TOPIC: usize = 2;

const TOPICS: [&str; 6] = ["a", "b", "c/1", "c/2", "c/2/x", "d"];
const FILTERS: [&str; 9] = [
    "a", "b", "c/1", "c/*", "c/**", "*", "**", "c/*/x", "nothing",
];

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Published {
    topics: Topics,
    key: Option<String>,
}

struct World {
    hub: Hub,
    /// Events in their order. The sequence of each is its index plus 1.
    published: Vec<Published>,
    random: fastrand::Rng,
}

struct Reader {
    subscription: Subscription,
    filters: TopicFilters,
    slow: LagPolicy,
    cursor: u64,
    wakes: Arc<Count>,
    /// The last poll returned `Pending`.
    waits: bool,
    has_waited: bool,
    seen: usize,
}

#[derive(Debug, PartialEq)]
enum Got {
    Event(u64),
    /// The subscriber has received all events up to this one.
    Position(u64),
    /// The subscriber continues after this event.
    Reset(u64),
    /// The number of missed events, and the event after which the subscriber continues.
    Missed(u64, u64),
    Behind,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut retention = Retention::default();
        retention.events = MAX_EVENTS;
        retention.keys = MAX_KEYS;
        retention.events_per_topic = EVENTS_PER_TOPIC;
        let config = HubConfig::new()
            .first_sequence(1)
            // A position is due each time that there are no events.
            .position_interval(Duration::ZERO)
            .retention(retention);
        Self {
            hub: Hub::new(config),
            published: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    fn latest(&self) -> u64 {
        self.published.len() as u64
    }

    fn publish(&mut self, large: bool) {
        let count = self.random.usize(1..=2);
        let topics = Topics::new(self.random.choose_multiple(TOPICS, count)).unwrap();
        let key = self
            .random
            .bool()
            .then(|| format!("k{}", self.random.u8(0..4)));
        let length = if large {
            9_000
        } else {
            self.random.usize(0..50)
        };
        let event = Event::new("x".repeat(length));
        let mut publication = Publication::new(topics.clone(), event);
        if let Some(key) = &key {
            publication = publication.with_key(key.as_str());
        }
        let id = self
            .hub
            .publish(publication)
            .now_or_never()
            .unwrap()
            .unwrap();
        self.published.push(Published { topics, key });
        assert_eq!(id, EventId::from(self.latest()));
    }

    fn matches(&self, sequence: u64, filters: &TopicFilters) -> bool {
        let topics = &self.published[sequence as usize - 1].topics;
        topics.iter().any(|topic| filters.matches(topic))
    }

    fn is_replaced(&self, sequence: u64) -> bool {
        let event = &self.published[sequence as usize - 1];
        let mut newer = self.published[sequence as usize..].iter();
        event.key.is_some()
            && newer.any(|newer| newer.key == event.key && newer.topics == event.topics)
    }

    /// Returns all events of these filters after this sequence.
    fn behind(&self, sequence: u64, filters: &TopicFilters) -> Vec<u64> {
        let sequences = sequence + 1..=self.latest();
        sequences
            .filter(|sequence| self.matches(*sequence, filters))
            .collect()
    }

    /// Returns the sequence up to which all events have left the log.
    fn floor(&self) -> u64 {
        self.latest().saturating_sub(MAX_EVENTS as u64)
    }

    /// Returns whether the event has left the log and is not kept for one of its topics.
    fn is_lost(&self, sequence: u64) -> bool {
        if sequence > self.floor() {
            return false;
        }
        let newer = &self.published[sequence as usize..self.floor() as usize];
        let mut topics = self.published[sequence as usize - 1].topics.iter();
        topics.all(|topic| {
            let newer = newer.iter().rev();
            let of_topic = newer.filter(|event| event.topics.iter().any(|other| other == topic));
            of_topic.take(EVENTS_PER_TOPIC).count() == EVENTS_PER_TOPIC
        })
    }

    /// Returns all events of these filters that can still be replayed.
    fn kept(&self, filters: &TopicFilters) -> Vec<u64> {
        let mut kept = self.behind(0, filters);
        kept.retain(|sequence| !self.is_lost(*sequence));
        kept
    }

    fn filters(&mut self) -> TopicFilters {
        let count = self.random.usize(1..=3);
        TopicFilters::from_patterns(self.random.choose_multiple(FILTERS, count)).unwrap()
    }

    fn subscribe(&mut self, filters: TopicFilters, slow: LagPolicy, after: Option<u64>) -> Reader {
        let id = after.map(EventId::from);
        let builder = self.hub.subscription(filters.clone()).after(id.as_ref());
        let cursor = after.unwrap_or(self.latest());
        Reader::new(builder.lag_policy(slow), filters, slow, cursor)
    }

    /// Replays the latest events to a new subscriber, and all events to another one.
    fn replay(&mut self) {
        let filters = self.filters();
        let kept = self.kept(&filters);
        let latest = self.random.usize(0..60);
        let builder = || self.hub.subscription(filters.clone());
        for (builder, skipped) in [
            (
                builder().replay_last(latest),
                kept.len().saturating_sub(latest),
            ),
            (builder().from_start(), 0),
        ] {
            let mut reader = Reader::new(builder, filters.clone(), LagPolicy::default(), 0);
            let mut got = Vec::new();
            while let Poll::Ready(Some(frame)) = reader.poll() {
                got.extend(frame);
            }
            got.retain(|item| !matches!(item, Got::Position(_)));
            let expected: Vec<_> = kept[skipped..].iter().copied().map(Got::Event).collect();
            assert_eq!(got, expected);
        }
    }
}

impl Reader {
    fn new(
        builder: SubscriptionBuilder,
        filters: TopicFilters,
        slow: LagPolicy,
        cursor: u64,
    ) -> Self {
        Self {
            subscription: builder.subscribe().unwrap(),
            filters,
            slow,
            cursor,
            wakes: Arc::default(),
            waits: false,
            has_waited: false,
            seen: 0,
        }
    }

    /// Reads one frame. `Pending` if there is none, and `None` if the stream has ended.
    fn poll(&mut self) -> Poll<Option<Vec<Got>>> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let before = self.wakes.0.load(Ordering::Relaxed);
        let mut cx = Context::from_waker(&waker);
        let frame = match Pin::new(&mut self.subscription).poll_next(&mut cx) {
            // The turn has ended, and the search in the log continues.
            Poll::Pending if self.wakes.0.load(Ordering::Relaxed) > before => return self.poll(),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(frame)) => frame,
        };
        let sequence = |event: &Event| event.last_event_id().parse::<u64>().unwrap();
        let got = frame.events().map(|event| match event.event_type() {
            "reset" => {
                assert_eq!(event.data(), r#"{"reason":"too old"}"#);
                Got::Reset(sequence(&event))
            }
            "position" => Got::Position(sequence(&event)),
            "lagged" if event.data().starts_with(r#"{"missed":"#) => {
                let digits = event
                    .data()
                    .trim_matches(|character: char| !character.is_ascii_digit());
                Got::Missed(digits.parse().unwrap(), sequence(&event))
            }
            "lagged" => {
                assert!(
                    event.retry().is_none(),
                    "decoded events have no reconnection time"
                );
                Got::Behind
            }
            _ => Got::Event(sequence(&event)),
        });
        Poll::Ready(Some(got.collect()))
    }

    /// Reads one frame and checks it. Returns `false` if there is none, or if the stream has ended.
    fn step(&mut self, world: &World) -> bool {
        let due = world.behind(self.cursor, &self.filters);
        // With `Latest`, an event without a key that has left the log is not missed.
        let is_due = |sequence: &&u64| {
            !world.is_lost(**sequence)
                && (self.slow != LagPolicy::Latest || !world.is_replaced(**sequence))
        };
        let still_due: Vec<_> = due.iter().filter(is_due).copied().collect();
        let got = match self.poll() {
            Poll::Ready(None) => return false,
            Poll::Pending => {
                assert!(
                    still_due.is_empty(),
                    "poll is pending, but {still_due:?} are due"
                );
                self.waits = true;
                self.has_waited = true;
                self.cursor = self.cursor.max(world.latest());
                self.wakes.0.store(0, Ordering::Relaxed);
                return false;
            }
            Poll::Ready(Some(got)) => got,
        };
        self.waits = false;
        match &got[..] {
            [Got::Reset(now)] => {
                let is_lost = due.iter().any(|sequence| world.is_lost(*sequence));
                assert!(is_lost, "it is reset, but no event of it is lost");
                assert!(!self.has_waited || self.slow == LagPolicy::Latest);
                self.cursor = *now;
            }
            [Got::Position(now)] => {
                assert!((self.cursor..=world.latest()).contains(now));
                // A client that resumes with this ID must not miss an event.
                assert!(
                    !still_due.iter().any(|sequence| sequence <= now),
                    "{still_due:?}"
                );
                self.cursor = *now;
            }
            [Got::Missed(missed, now)] => {
                let behind = due.iter().filter(|sequence| *sequence <= now).count() as u64;
                assert_eq!((*missed, self.slow), (behind, LagPolicy::Skip));
                assert!(self.cursor < world.floor() && self.has_waited);
                assert_eq!(due.last(), Some(now));
                self.cursor = *now;
            }
            [Got::Behind] => {
                assert!(self.cursor < world.floor() && self.has_waited);
                assert_eq!(self.slow, LagPolicy::Disconnect);
            }
            events => {
                let events: Vec<_> = events
                    .iter()
                    .map(|item| match item {
                        Got::Event(sequence) => *sequence,
                        other => panic!("{other:?} among events"),
                    })
                    .collect();
                if self.slow == LagPolicy::Latest {
                    let ascend = events.windows(2).all(|two| two[0] < two[1]);
                    assert!(ascend && events[0] > self.cursor);
                    for sequence in &events {
                        assert!(due.contains(sequence) && !world.is_replaced(*sequence));
                    }
                    let last = events[events.len() - 1];
                    let skipped = due
                        .iter()
                        .filter(|sequence| **sequence < last && !events.contains(sequence));
                    for sequence in skipped {
                        let gone = world.is_lost(*sequence);
                        let has_key = world.published[*sequence as usize - 1].key.is_some();
                        assert!(
                            world.is_replaced(*sequence) || (gone && !has_key),
                            "{sequence}"
                        );
                    }
                } else {
                    assert_eq!(events, due[..events.len()], "exactly the next events");
                }
                self.cursor = events[events.len() - 1];
                self.seen += events.len();
            }
        }
        true
    }
}

fn play(seed: u64) -> usize {
    let mut world = World::new(seed);
    let mut readers: Vec<Reader> = Vec::new();
    let mut seen = 0;
    for _ in 0..2_000 {
        match world.random.u8(0..20) {
            0..7 => {
                let events = if world.random.u8(0..30) == 0 { 60 } else { 1 };
                let large = world.random.u8(0..20) == 0;
                for _ in 0..events {
                    world.publish(large);
                    for reader in readers.iter().filter(|reader| reader.waits) {
                        let is_woken = reader.wakes.0.load(Ordering::Relaxed) > 0;
                        let behind = world.behind(reader.cursor, &reader.filters);
                        assert_eq!(
                            is_woken,
                            !behind.is_empty(),
                            "it is woken only for selected events"
                        );
                    }
                }
            }
            7..9 if readers.len() < 12 => {
                let slow = [LagPolicy::Disconnect, LagPolicy::Skip, LagPolicy::Latest];
                let slow = slow[world.random.usize(0..3)];
                let after = world.random.bool().then(|| {
                    let latest = world.latest();
                    world.random.u64(latest.saturating_sub(80)..=latest)
                });
                let filters = world.filters();
                let reader = world.subscribe(filters, slow, after);
                readers.push(reader);
            }
            9 if !readers.is_empty() => {
                // The client loses the connection, and reconnects.
                let index = world.random.usize(0..readers.len());
                let reader = readers.swap_remove(index);
                seen += reader.seen;
                let (filters, cursor) = (reader.filters.clone(), reader.cursor);
                let slow = reader.slow;
                drop(reader);
                let reader = world.subscribe(filters, slow, Some(cursor));
                readers.push(reader);
            }
            10 if !readers.is_empty() => {
                let index = world.random.usize(0..readers.len());
                seen += readers.swap_remove(index).seen;
            }
            11 => world.replay(),
            _ if !readers.is_empty() => {
                let index = world.random.usize(0..readers.len());
                let reader = &mut readers[index];
                for _ in 0..world.random.u8(1..4) {
                    if !reader.step(&world) {
                        break;
                    }
                }
                if !reader.waits && world.random.bool() {
                    while reader.step(&world) {}
                    if !reader.waits {
                        readers.swap_remove(index);
                    }
                }
            }
            _ => {}
        }
        assert_eq!(world.hub.stats().subscribers, readers.len());
    }
    seen += readers.iter().map(|reader| reader.seen).sum::<usize>();
    let counts = world.hub.stats();
    assert_eq!(counts.published, world.latest());
    drop(readers);
    assert_eq!(world.hub.stats().subscribers, 0);
    assert_eq!(channels(&world.hub), 0);
    seen
}

#[test]
fn each_subscriber_gets_each_event_once_and_in_order_or_a_notice() {
    let seen: usize = (0..60).map(play).sum();
    assert!(
        seen > 30_000,
        "{seen} events are too few for a meaningful test"
    );
}
