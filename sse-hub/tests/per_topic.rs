//! Tests that the latest events of each topic stay replayable while other topics are busy.

mod support;

use std::{
    future::ready as resolved,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::{FutureExt, StreamExt, stream};
use sse_hub::{
    Backend, BackendError, Hub, HubConfig, LagPolicy, Publication, Replayed, Retention, Sequenced,
    TopicFilters, Topics, Update,
};
use sse_hyper::{CloseEvent, Event, EventId};
use support::{publish, ready, sequenced_from_1, topic};

/// Creates a hub that keeps these numbers of events of all topics, and of each topic.
fn hub(events: usize, per_topic: usize) -> Hub {
    hub_with(Retention::new().events(events).events_per_topic(per_topic))
}

fn hub_with(retention: Retention) -> Hub {
    Hub::new(sequenced_from_1().retention(retention))
}

fn publish_busy(hub: &Hub, events: usize) {
    for _ in 0..events {
        publish(hub, "busy", "x");
    }
}

fn filters(patterns: &[&str]) -> TopicFilters {
    TopicFilters::from_patterns(patterns).unwrap()
}

/// Reads all events that are ready, in several turns.
fn read(builder: sse_hub::SubscriptionBuilder) -> String {
    let mut subscription = builder.subscribe().unwrap();
    (0..1000).map(|_| ready(&mut subscription)).collect()
}

fn after(hub: &Hub, patterns: &[&str], id: u64) -> String {
    read(
        hub.subscription(filters(patterns))
            .after(Some(&EventId::from(id))),
    )
}

fn latest(hub: &Hub, patterns: &[&str], events: usize) -> String {
    read(hub.subscription(filters(patterns)).replay_last(events))
}

fn from_start(hub: &Hub, patterns: &[&str]) -> String {
    read(hub.subscription(filters(patterns)).from_start())
}

fn event(sequence: u64, data: &str) -> String {
    format!("id: {sequence}\ndata: {data}\n\n")
}

/// Returns the IDs of the events, or the data of a reset.
fn ids(text: &str) -> Vec<&str> {
    let blocks = text.split_terminator("\n\n");
    let field = |block: &str| match block.starts_with("event: reset\n") {
        true => "data: ",
        false => "id: ",
    };
    let value = |block| str::split(block, '\n').find_map(|line| line.strip_prefix(field(block)));
    blocks.map(|block| value(block).unwrap()).collect()
}

const RESET: &str = r#"{"reason":"too old"}"#;

/// Uses the defaults: the log keeps 16,384 events.
#[test]
fn a_new_subscriber_of_a_quiet_topic_gets_its_last_event() {
    let hub = hub_with(Retention::new());
    publish(&hub, "quiet/q1", "the last");
    publish_busy(&hub, 16_500);
    let expected = event(1, "the last");
    for patterns in [&["quiet/q1"][..], &["quiet/*", "none"]] {
        for events in [1, 9] {
            assert_eq!(latest(&hub, patterns, events), expected);
        }
        assert_eq!(latest(&hub, patterns, 0), "");
        assert_eq!(from_start(&hub, patterns), expected);
        assert_eq!(after(&hub, patterns, 0), expected);
        assert_eq!(after(&hub, patterns, 1), "");
    }
    let all = from_start(&hub, &["**"]);
    let all = ids(&all);
    // The latest event of the busy topic that has left the main queue is kept as well.
    assert_eq!((all[0], all[1], all.len()), ("1", "117", 1 + 1 + 16_384));
}

#[test]
fn a_subscriber_is_reset_only_if_an_event_that_it_selects_is_lost() {
    let hub = hub(10, 1);
    for n in 1..=5 {
        publish(&hub, "q", &n.to_string());
    }
    publish_busy(&hub, 20);
    for id in 0..4 {
        assert_eq!(ids(&after(&hub, &["q"], id)), [RESET], "2 to 4 are lost");
    }
    assert_eq!(after(&hub, &["q"], 4), event(5, "5"));
    for id in [5, 6, 15, 25] {
        assert_eq!(after(&hub, &["q"], id), "");
    }
    // A subscriber that selects both topics misses events of the busy one.
    assert_eq!(ids(&after(&hub, &["q", "busy"], 4)), [RESET]);
    assert_eq!(ids(&after(&hub, &["**"], 13)), [RESET]);
    assert_eq!(ids(&after(&hub, &["**"], 14)).len(), 11);
}

#[test]
fn several_events_of_each_topic_are_kept_in_order() {
    let hub = hub(10, 3);
    for n in 1..=5 {
        publish(&hub, "a", &n.to_string());
        publish(&hub, "b", &n.to_string());
    }
    publish_busy(&hub, 20);
    // Events of a are 1, 3, 5, 7 and 9.
    assert_eq!(ids(&after(&hub, &["a"], 1)), [RESET]);
    for id in [3, 4] {
        assert_eq!(ids(&after(&hub, &["a"], id)), ["5", "7", "9"]);
    }
    assert_eq!(ids(&after(&hub, &["a"], 6)), ["7", "9"]);
    assert_eq!(ids(&latest(&hub, &["a"], 2)), ["7", "9"]);
    assert_eq!(ids(&latest(&hub, &["a"], 4)), ["5", "7", "9"]);
    assert_eq!(ids(&latest(&hub, &["a", "b"], 3)), ["8", "9", "10"]);
    let both = ["5", "6", "7", "8", "9", "10"];
    assert_eq!(ids(&after(&hub, &["a", "b"], 4)), both);
    assert_eq!(ids(&from_start(&hub, &["a", "b", "none"])), both);
    let kept_of_all = both.into_iter().chain(["18", "19", "20", "21"]);
    let all = from_start(&hub, &["*"]);
    assert!(ids(&all).starts_with(&kept_of_all.collect::<Vec<_>>()));
    assert_eq!(ids(&all).len(), 6 + 3 + 10);
    // All events have one order, whether they are in the main queue or not.
    assert_eq!(ids(&latest(&hub, &["*"], 15)).len(), 15);
    assert!(all.ends_with(&latest(&hub, &["*"], 15)));
}

#[test]
fn an_event_of_several_topics_stays_until_no_topic_needs_it() {
    let hub = hub(1, 1);
    let publication = |topics: &[&str]| {
        let publication = Publication::new(Topics::new(topics).unwrap(), Event::new("x"));
        hub.publish(publication).now_or_never().unwrap().unwrap();
    };
    publication(&["a", "b", "c"]);
    publication(&["a"]);
    publish_busy(&hub, 1);
    assert_eq!(ids(&after(&hub, &["a"], 0)), ["1", "2"], "1 is kept for b");
    assert_eq!(ids(&latest(&hub, &["a", "b", "c"], 1)), ["2"]);
    assert_eq!(ids(&latest(&hub, &["b", "c"], 1)), ["1"]);
    assert_eq!(ids(&from_start(&hub, &["a", "b"])), ["1", "2"], "once");
    publication(&["b"]);
    publish_busy(&hub, 1);
    assert_eq!(ids(&after(&hub, &["c"], 0)), ["1"]);
    publication(&["c"]);
    publish_busy(&hub, 1);
    assert_eq!(ids(&from_start(&hub, &["a", "b", "c"])), ["2", "4", "6"]);
    for name in ["a", "b", "c"] {
        assert_eq!(ids(&after(&hub, &[name], 0)), [RESET]);
    }
    assert_eq!(ids(&after(&hub, &["a"], 1)), ["2"]);
}

#[test]
fn kept_events_that_fill_many_frames_come_once_and_in_order() {
    let hub = hub(100, 1);
    for n in 0..300 {
        publish(&hub, &format!("q/{n}"), &"x".repeat(4_000));
    }
    publish_busy(&hub, 200);
    let expected: Vec<_> = (1..=300).map(|sequence| sequence.to_string()).collect();
    let texts = [
        after(&hub, &["q/*"], 0),
        from_start(&hub, &["q/*"]),
        latest(&hub, &["q/*"], 300),
    ];
    for text in &texts {
        assert_eq!(ids(text), expected);
    }
    assert_eq!(ids(&after(&hub, &["q/*"], 120)), expected[120..]);
    assert_eq!(ids(&latest(&hub, &["q/*"], 7)), expected[293..]);
}

#[test]
fn kept_events_take_at_most_half_of_the_bytes() {
    const BYTES: usize = 1_000_000;
    let hub = hub_with(Retention::new().bytes(BYTES));
    for n in 0..1_000 {
        publish(&hub, &format!("q/{n}"), &"x".repeat(5_000));
    }
    for _ in 0..1_000 {
        publish(&hub, "busy", &"x".repeat(5_000));
    }
    let kept = from_start(&hub, &["q/*"]);
    let kept = ids(&kept);
    let bytes = kept.len() * 5_000;
    assert!(
        (BYTES * 2 / 5..=BYTES / 2).contains(&bytes),
        "{bytes} bytes are kept"
    );
    let latest: Vec<_> = (1..=1_000).map(|sequence| sequence.to_string()).collect();
    assert_eq!(kept, latest[1_000 - kept.len()..]);
    let busy = ids(&from_start(&hub, &["busy"])).len() * 5_000;
    assert!((BYTES * 2 / 5..=BYTES).contains(&busy), "{busy} bytes");
    // The oldest events are dropped first, and are lost.
    let first = 1_000 - kept.len() as u64 + 1;
    assert_eq!(ids(&after(&hub, &["q/*"], first - 2)), [RESET]);
    assert_eq!(ids(&after(&hub, &["q/*"], first - 1)), kept);
    let name = format!("q/{}", first - 1);
    assert_eq!(ids(&newest_of(&hub, &name)), [first.to_string()]);
    let name = format!("q/{}", first - 2);
    assert_eq!(newest_of(&hub, &name), "");
    // An event that takes more than half of the bytes is not kept. Others are.
    publish(&hub, "q/999", &"x".repeat(BYTES * 3 / 5));
    publish_busy(&hub, 20_000);
    assert_eq!(newest_of(&hub, "q/999"), "");
    assert_eq!(ids(&newest_of(&hub, "q/998")), ["999"]);
}

fn newest_of(hub: &Hub, name: &str) -> String {
    latest(hub, &[name], 1)
}

#[test]
fn kept_events_that_are_too_old_are_not_replayed() {
    let age = Duration::from_millis(300);
    let retention = Retention::new().events(10).age(age);
    let hub = hub_with(retention.events_per_topic(5));
    publish(&hub, "q", "1");
    publish(&hub, "q", "2");
    publish_busy(&hub, 20);
    sleep(age * 2 / 3);
    publish(&hub, "q", "3");
    publish_busy(&hub, 20);
    assert_eq!(ids(&from_start(&hub, &["q"])), ["1", "2", "23"]);
    sleep(age * 2 / 3);
    // In the first round, no event is published meanwhile.
    for _ in 0..2 {
        assert_eq!(from_start(&hub, &["q"]), event(23, "3"));
        assert_eq!(latest(&hub, &["q"], 3), event(23, "3"));
        assert_eq!(after(&hub, &["q"], 2), event(23, "3"));
        assert_eq!(ids(&after(&hub, &["q"], 1)), [RESET]);
        let latest = hub.subscription(topic("q")).lag_policy(LagPolicy::Latest);
        assert_eq!(read(latest.from_start()), event(23, "3"));
        publish_busy(&hub, 1);
    }
    sleep(age);
    for _ in 0..2 {
        assert_eq!(from_start(&hub, &["q"]), "");
        assert_eq!(latest(&hub, &["q"], 3), "");
        assert_eq!(ids(&after(&hub, &["q"], 2)), [RESET]);
        assert_eq!(after(&hub, &["q"], 23), "");
        publish_busy(&hub, 1);
    }
}

#[test]
fn it_can_be_switched_off() {
    let hub = hub(10, 0);
    publish(&hub, "q", "1");
    publish_busy(&hub, 10);
    assert_eq!(latest(&hub, &["q"], 1), "");
    assert_eq!(from_start(&hub, &["q"]), "");
    assert_eq!(ids(&after(&hub, &["q"], 0)), [RESET]);
    assert_eq!(after(&hub, &["q"], 1), "");
    assert_eq!(ids(&from_start(&hub, &["**"])).len(), 10);
}

#[test]
fn the_latest_events_of_each_key_and_each_topic_are_merged() {
    let hub = hub(1, 2);
    let publication = |to: &str, key: &str, data: &str| {
        let publication = Publication::new(topic(to), Event::new(data.to_owned())).with_key(key);
        hub.publish(publication).now_or_never().unwrap().unwrap();
    };
    publication("prices", "A", "1");
    publication("prices", "B", "2");
    publish(&hub, "news", "3");
    publication("prices", "C", "4");
    publication("prices", "C", "5");
    publish(&hub, "news", "6");
    publication("other", "A", "7");
    publish_busy(&hub, 9);
    let latest = |names: &[&str]| {
        let builder = hub.subscription(TopicFilters::new(names).unwrap());
        builder.lag_policy(LagPolicy::Latest)
    };
    // Events 4 and 5 are kept for the topic, and events 1, 2 and 5 for their keys.
    let state = read(latest(&["prices"]).from_start());
    assert_eq!(ids(&state), ["1", "2", "5"]);
    let both = read(latest(&["prices", "news", "other"]).from_start());
    assert_eq!(ids(&both), ["1", "2", "3", "5", "6", "7"]);
    assert_eq!(ids(&from_start(&hub, &["prices"])), ["4", "5"]);
    let resumed = |id: u64| read(latest(&["prices", "news"]).after(Some(&EventId::from(id))));
    assert_eq!(ids(&resumed(2)), ["3", "5", "6"]);
    assert_eq!(ids(&resumed(5)), ["6"]);
    assert_eq!(ids(&read(latest(&["news"]).replay_last(1))), ["6"]);
}

#[test]
fn a_key_whose_event_is_kept_for_its_topic_needs_no_room() {
    let retention = Retention::new().events(1).keys(0);
    let hub = hub_with(retention.events_per_topic(2));
    for n in 1..=4 {
        let key = if n == 2 { "other" } else { "k" };
        let publication = Publication::new(topic("a"), Event::new(n.to_string())).with_key(key);
        hub.publish(publication).now_or_never().unwrap().unwrap();
    }
    publish_busy(&hub, 1);
    let latest = |id: Option<u64>| {
        let builder = hub.subscription(topic("a")).lag_policy(LagPolicy::Latest);
        let id = id.map(EventId::from);
        read(builder.from_start().after(id.as_ref()))
    };
    // Events 3 and 4 are kept, and 4 replaces 3.
    assert_eq!(latest(None), event(4, "4"));
    assert_eq!(latest(Some(2)), event(4, "4"));
    assert_eq!(ids(&latest(Some(1))), [RESET]);
    assert_eq!(ids(&from_start(&hub, &["a"])), ["3", "4"]);
}

#[test]
fn a_subscriber_that_is_too_slow_for_kept_events_is_reset() {
    let hub = hub(10, 1);
    for n in 0..100 {
        publish(&hub, &format!("q/{n}"), &"x".repeat(10_000));
    }
    publish_busy(&hub, 20);
    let open = |after: Option<u64>| {
        let id = after.map(EventId::from);
        let builder = hub.subscription(filters(&["q/*"])).from_start();
        let builder = builder.after(id.as_ref());
        let mut subscription = builder.subscribe().unwrap();
        let first = subscription.next().now_or_never().unwrap().unwrap();
        assert_eq!(ids(&first.to_string()), ["1"]);
        subscription
    };
    let (mut resumed, mut new) = (open(Some(0)), open(None));
    // This event replaces one that neither subscriber has read yet.
    publish(&hub, "q/50", "y");
    publish_busy(&hub, 20);
    let rest = |subscription: &mut sse_hub::Subscription| {
        (0..1000).map(|_| ready(subscription)).collect::<String>()
    };
    assert_eq!(ids(&rest(&mut resumed)), [RESET]);
    // The new subscriber gets all kept events, because it has no claim to others.
    let rest = rest(&mut new);
    let rest = ids(&rest);
    assert_eq!(rest.len(), 99);
    assert!(!rest.contains(&"51") && rest[98] == "121");
}

#[test]
fn a_position_is_sent_only_if_a_client_can_resume_there() {
    let config = HubConfig::new().first_sequence(1);
    let hub = Hub::new(config.retention(Retention::new().events(5)));
    for name in ["r", "q", "q", "busy"] {
        publish(&hub, name, "x");
    }
    publish_busy(&hub, 9);
    let begins = |patterns: &[&str]| {
        let builder = hub.subscription(filters(patterns)).from_start();
        read(builder).starts_with("event: position\n")
    };
    // Event 2 is lost, and 1 is kept.
    assert!(begins(&["r"]) && begins(&["none"]));
    assert!(!begins(&["q"]) && !begins(&["q", "r"]));
    let position = latest(&hub, &["q"], 1);
    assert_eq!(
        position,
        "event: position\nid: 2\ndata: {}\n\n".to_owned() + &event(3, "x")
    );
    let unread = hub.subscription(filters(&["q"])).from_start();
    let mut unread = unread.subscribe().unwrap();
    hub.close(CloseEvent::new(Event::new("{}")));
    assert_eq!(ready(&mut unread), "event: closing\ndata: {}\n\n");
}

/// Backend with one event of a quiet topic and many events of a busy one.
#[derive(Debug, Default)]
struct Busy {
    replays: AtomicUsize,
}

impl Busy {
    const EVENTS: u64 = 100;

    fn event(sequence: u64) -> Sequenced {
        let name = if sequence == 2 { "quiet" } else { "busy" };
        Sequenced::new(sequence, Publication::new(topic(name), Event::new("x")))
    }
}

impl Backend for Busy {
    fn publish<'a>(&'a self, _: &'a Publication) -> BoxFuture<'a, Result<u64, BackendError>> {
        resolved(Err(BackendError::new("backend is read-only"))).boxed()
    }

    fn follow(&self, _: usize) -> BoxStream<'static, Update> {
        let events = (2..=Self::EVENTS).map(|sequence| Update::Event(Self::event(sequence)));
        let all = stream::iter([Update::Truncated(1)]).chain(stream::iter(events));
        let all = all.chain(stream::iter([Update::Connected]));
        all.chain(stream::pending()).boxed()
    }

    fn replay(&self, after: u64, through: u64, _: &TopicFilters) -> BoxStream<'static, Replayed> {
        self.replays.fetch_add(1, Ordering::Relaxed);
        let events = (after + 1..=through).map(|sequence| Replayed::Event(Self::event(sequence)));
        stream::iter(events).boxed()
    }

    fn earliest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        resolved(Ok(1)).boxed()
    }

    fn latest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        resolved(Ok(Self::EVENTS)).boxed()
    }
}

#[test]
fn a_node_keeps_the_events_that_it_got_from_its_backend() {
    let backend = Arc::new(Busy::default());
    let retention = Retention::new().events(10);
    let config = HubConfig::new().position_events(false);
    let (hub, follow) = Hub::with_backend(config.retention(retention), Arc::clone(&backend) as _);
    let mut follow = Box::pin(follow);
    while !hub.is_connected() {
        let _ = follow.as_mut().now_or_never();
    }
    let expected = event(2, "x");
    assert_eq!(latest(&hub, &["quiet"], 1), expected);
    assert_eq!(after(&hub, &["quiet"], 1), expected);
    assert_eq!(after(&hub, &["quiet"], 2), "");
    assert_eq!(backend.replays.load(Ordering::Relaxed), 0);
    // The node has not seen event 1, and has lost events of the busy topic.
    assert_eq!(from_start(&hub, &["quiet"]), expected);
    assert_eq!(after(&hub, &["quiet"], 0), expected);
    assert_eq!(ids(&after(&hub, &["busy"], 50)).len(), 50);
    assert_eq!(backend.replays.load(Ordering::Relaxed), 3);
}
