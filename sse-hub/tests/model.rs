//! Thousands of random steps of many subscribers. Each step is compared with a model.
//!
//! The model is a list of all events that were ever published. It determines the events that a subscriber must get
//! after its last event.
#![expect(clippy::disallowed_methods, reason = "the test parses its own numbers")]

mod support;

use std::{
    collections::HashMap,
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
const PATTERNS: [&str; 9] = [
    "a", "b", "c/1", "c/*", "c/**", "*", "**", "c/*/x", "nothing",
];

#[derive(Default)]
struct WakeCounter(AtomicUsize);

impl Wake for WakeCounter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Published {
    topics: Topics,
    key: Option<String>,
}

struct Model {
    hub: Hub,
    /// Events in their order. The sequence of each is its index plus 1.
    published: Vec<Published>,
    /// Wakers of an event loop, one for each channel. `None` if each subscriber has its own.
    groups: Option<HashMap<u64, Arc<WakeCounter>>>,
    random: fastrand::Rng,
}

struct Client {
    subscription: Subscription,
    filters: TopicFilters,
    lag_policy: LagPolicy,
    position: u64,
    wakes: Arc<WakeCounter>,
    /// Waker that it shares with the other subscribers of its channel.
    group: Option<Arc<WakeCounter>>,
    /// Number of wakes when it began to wait.
    wakes_before: usize,
    /// The last poll returned `Pending`.
    waits: bool,
    has_waited: bool,
    /// It has taken the latest event. A subscriber of an event loop may be registered then.
    has_taken_latest: bool,
    seen: usize,
}

#[derive(Debug, PartialEq)]
enum Received {
    Event(u64),
    /// The subscriber has received all events up to this one.
    Position(u64),
    /// The subscriber continues after this event.
    Reset(u64),
    /// The number of missed events, and the event after which the subscriber continues.
    Missed(u64, u64),
    Behind,
}

impl Model {
    fn new(seed: u64, is_event_loop: bool) -> Self {
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
            groups: is_event_loop.then(HashMap::new),
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
        TopicFilters::from_patterns(self.random.choose_multiple(PATTERNS, count)).unwrap()
    }

    fn subscribe(
        &mut self,
        filters: TopicFilters,
        lag_policy: LagPolicy,
        after: Option<u64>,
    ) -> Client {
        let id = after.map(EventId::from);
        let builder = self.hub.subscription(filters.clone()).after(id.as_ref());
        let position = after.unwrap_or(self.latest());
        let builder = builder.lag_policy(lag_policy);
        let mut client = Client::new(builder, filters, lag_policy, position);
        if let Some(groups) = &mut self.groups {
            let channel = client.subscription.channel_id();
            client.group = Some(Arc::clone(groups.entry(channel).or_default()));
        }
        client
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
            let mut client = Client::new(builder, filters.clone(), LagPolicy::default(), 0);
            let mut received = Vec::new();
            while let Poll::Ready(Some(frame)) = client.poll() {
                received.extend(frame);
            }
            received.retain(|item| !matches!(item, Received::Position(_)));
            let expected: Vec<_> = kept[skipped..]
                .iter()
                .copied()
                .map(Received::Event)
                .collect();
            assert_eq!(received, expected);
        }
    }
}

impl Client {
    fn new(
        builder: SubscriptionBuilder,
        filters: TopicFilters,
        lag_policy: LagPolicy,
        position: u64,
    ) -> Self {
        Self {
            subscription: builder.subscribe().unwrap(),
            filters,
            lag_policy,
            position,
            wakes: Arc::default(),
            group: None,
            wakes_before: 0,
            waits: false,
            has_waited: false,
            has_taken_latest: false,
            seen: 0,
        }
    }

    /// Returns the counter that new events wake.
    fn event_wakes(&self) -> usize {
        let counter = self.group.as_ref().unwrap_or(&self.wakes);
        counter.0.load(Ordering::Relaxed)
    }

    /// Returns whether it may have caught up once.
    fn may_be_live(&self) -> bool {
        self.has_waited || (self.group.is_some() && self.has_taken_latest)
    }

    fn is_woken(&self) -> bool {
        self.event_wakes() > self.wakes_before
    }

    /// Reads one frame. `Pending` if there is none, and `None` if the stream has ended.
    fn poll(&mut self) -> Poll<Option<Vec<Received>>> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let before = self.wakes.0.load(Ordering::Relaxed);
        let mut cx = Context::from_waker(&waker);
        let polled = match &self.group {
            None => Pin::new(&mut self.subscription).poll_next(&mut cx),
            Some(group) => {
                let group = Waker::from(Arc::clone(group));
                self.subscription.poll_events(&mut cx, &group)
            }
        };
        let frame = match polled {
            // The turn has ended, and the search in the log continues.
            Poll::Pending if self.wakes.0.load(Ordering::Relaxed) > before => return self.poll(),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(frame)) => frame,
        };
        let sequence = |event: &Event| event.last_event_id().parse::<u64>().unwrap();
        let received = frame.events().map(|event| match event.event_type() {
            "reset" => {
                assert_eq!(event.data(), r#"{"reason":"too old"}"#);
                Received::Reset(sequence(&event))
            }
            "position" => Received::Position(sequence(&event)),
            "lagged" if event.data().starts_with(r#"{"missed":"#) => {
                let digits = event
                    .data()
                    .trim_matches(|character: char| !character.is_ascii_digit());
                Received::Missed(digits.parse().unwrap(), sequence(&event))
            }
            "lagged" => {
                assert!(
                    event.retry().is_none(),
                    "decoded events have no reconnection time"
                );
                Received::Behind
            }
            _ => Received::Event(sequence(&event)),
        });
        Poll::Ready(Some(received.collect()))
    }

    /// Reads one frame and checks it. Returns `false` if there is none, or if the stream has ended.
    fn step(&mut self, model: &Model) -> bool {
        let due = model.behind(self.position, &self.filters);
        // With `Latest`, an event without a key that has left the log is not missed.
        let is_due = |sequence: &&u64| {
            !model.is_lost(**sequence)
                && (self.lag_policy != LagPolicy::Latest || !model.is_replaced(**sequence))
        };
        let still_due: Vec<_> = due.iter().filter(is_due).copied().collect();
        let received = match self.poll() {
            Poll::Ready(None) => return false,
            Poll::Pending => {
                assert!(
                    still_due.is_empty(),
                    "poll is pending, but {still_due:?} are due"
                );
                self.waits = true;
                self.has_waited = true;
                self.position = self.position.max(model.latest());
                self.wakes_before = self.event_wakes();
                assert!(self.subscription.waits_only_for_events());
                return false;
            }
            Poll::Ready(Some(received)) => received,
        };
        self.waits = false;
        match &received[..] {
            [Received::Reset(now)] => {
                let is_lost = due.iter().any(|sequence| model.is_lost(*sequence));
                assert!(is_lost, "it is reset, but no event of it is lost");
                assert!(!self.has_waited || self.lag_policy == LagPolicy::Latest);
                self.position = *now;
            }
            [Received::Position(now)] => {
                assert!((self.position..=model.latest()).contains(now));
                // A client that resumes with this ID must not miss an event.
                assert!(
                    !still_due.iter().any(|sequence| sequence <= now),
                    "{still_due:?}"
                );
                self.position = *now;
            }
            [Received::Missed(missed, now)] => {
                let behind = due.iter().filter(|sequence| *sequence <= now).count() as u64;
                assert_eq!((*missed, self.lag_policy), (behind, LagPolicy::Skip));
                assert!(self.position < model.floor() && self.may_be_live());
                assert_eq!(due.last(), Some(now));
                self.position = *now;
            }
            [Received::Behind] => {
                assert!(self.position < model.floor() && self.may_be_live());
                assert_eq!(self.lag_policy, LagPolicy::Disconnect);
            }
            events => {
                let events: Vec<_> = events
                    .iter()
                    .map(|item| match item {
                        Received::Event(sequence) => *sequence,
                        other => panic!("{other:?} among events"),
                    })
                    .collect();
                if self.lag_policy == LagPolicy::Latest {
                    let ascend = events.windows(2).all(|two| two[0] < two[1]);
                    assert!(ascend && events[0] > self.position);
                    for sequence in &events {
                        assert!(due.contains(sequence) && !model.is_replaced(*sequence));
                    }
                    let last = events[events.len() - 1];
                    let skipped = due
                        .iter()
                        .filter(|sequence| **sequence < last && !events.contains(sequence));
                    for sequence in skipped {
                        let gone = model.is_lost(*sequence);
                        let has_key = model.published[*sequence as usize - 1].key.is_some();
                        assert!(
                            model.is_replaced(*sequence) || (gone && !has_key),
                            "{sequence}"
                        );
                    }
                } else {
                    assert_eq!(events, due[..events.len()], "exactly the next events");
                }
                self.position = events[events.len() - 1];
                self.has_taken_latest |= due.last() == Some(&self.position);
                self.seen += events.len();
            }
        }
        true
    }
}

fn play(seed: u64, is_event_loop: bool) -> usize {
    let mut model = Model::new(seed, is_event_loop);
    let mut clients: Vec<Client> = Vec::new();
    let mut seen = 0;
    for _ in 0..2_000 {
        match model.random.u8(0..20) {
            0..7 => {
                let events = if model.random.u8(0..30) == 0 { 60 } else { 1 };
                let large = model.random.u8(0..20) == 0;
                for _ in 0..events {
                    model.publish(large);
                    for client in clients.iter().filter(|client| client.waits) {
                        let is_woken = client.is_woken();
                        let behind = model.behind(client.position, &client.filters);
                        assert_eq!(
                            is_woken,
                            !behind.is_empty(),
                            "it is woken only for selected events"
                        );
                    }
                }
            }
            7..9 if clients.len() < 12 => {
                let policies = [LagPolicy::Disconnect, LagPolicy::Skip, LagPolicy::Latest];
                let lag_policy = policies[model.random.usize(0..3)];
                let after = model.random.bool().then(|| {
                    let latest = model.latest();
                    model.random.u64(latest.saturating_sub(80)..=latest)
                });
                let filters = model.filters();
                let client = model.subscribe(filters, lag_policy, after);
                clients.push(client);
            }
            9 if !clients.is_empty() => {
                // The client loses the connection, and reconnects.
                let index = model.random.usize(0..clients.len());
                let client = clients.swap_remove(index);
                seen += client.seen;
                let (filters, position) = (client.filters.clone(), client.position);
                let lag_policy = client.lag_policy;
                drop(client);
                let client = model.subscribe(filters, lag_policy, Some(position));
                clients.push(client);
            }
            10 if !clients.is_empty() => {
                let index = model.random.usize(0..clients.len());
                seen += clients.swap_remove(index).seen;
            }
            11 => model.replay(),
            _ if !clients.is_empty() => {
                let index = model.random.usize(0..clients.len());
                let client = &mut clients[index];
                for _ in 0..model.random.u8(1..4) {
                    if !client.step(&model) {
                        break;
                    }
                }
                if !client.waits && model.random.bool() {
                    while client.step(&model) {}
                    if !client.waits {
                        clients.swap_remove(index);
                    }
                }
            }
            _ => {}
        }
        assert_eq!(model.hub.stats().subscribers, clients.len());
    }
    seen += clients.iter().map(|client| client.seen).sum::<usize>();
    let counts = model.hub.stats();
    assert_eq!(counts.published, model.latest());
    drop(clients);
    assert_eq!(model.hub.stats().subscribers, 0);
    assert_eq!(channels(&model.hub), 0);
    seen
}

#[test]
fn each_subscriber_gets_each_event_once_and_in_order_or_a_notice() {
    for is_event_loop in [false, true] {
        let seen: usize = (0..60).map(|seed| play(seed, is_event_loop)).sum();
        assert!(
            seen > 30_000,
            "{seen} events are too few for a meaningful test"
        );
    }
}
