//! Tests that subscribers that do not read hold no more memory than documented.

mod support;

use allocation_counter::measure;
use futures_util::{FutureExt, StreamExt};
use sse_hub::{Hub, HubConfig, LagPolicy, Publication, Subscription, Topic, TopicFilters, Topics};
use sse_hyper::Event;
use support::topic;

const SUBSCRIBERS: usize = 150;

/// Number of bytes that the log keeps by default.
const MAX_LOG_BYTES: u64 = 64 * 1024 * 1024;

/// Maximum number of bytes that a set of filters holds in addition to the log: its events, a frame, and its
/// bookkeeping.
const MAX_FILTER_SET_BYTES: u64 = (64 + 16 + 8) * 1024;

/// Creates subscribers of different topics, each of which waits for its first event.
fn stalled(hub: &Hub) -> Vec<Subscription> {
    let subscribe = |n: usize| {
        let filters = TopicFilters::from(topic(&n.to_string()));
        let builder = hub.subscription(filters).lag_policy(LagPolicy::Skip);
        let mut subscription = builder.subscribe().unwrap();
        assert!(subscription.next().now_or_never().is_none());
        subscription
    };
    (0..SUBSCRIBERS).map(subscribe).collect()
}

/// Publishes an event to each subscriber in each round. `publication` creates it from the topic and the round.
fn publish_to_all(hub: &Hub, rounds: usize, publication: impl Fn(Topic, usize) -> Publication) {
    for round in 0..rounds {
        for n in 0..SUBSCRIBERS {
            let publishing = hub.publish(publication(topic(&n.to_string()), round));
            publishing.now_or_never().unwrap().unwrap();
        }
    }
}

/// Returns the number of bytes that this function has allocated and not freed.
fn held(f: impl FnOnce()) -> u64 {
    u64::try_from(measure(f).bytes_current).unwrap()
}

fn assert_bounded(name: &str, held: u64, event: u64) {
    // The latest event may exceed the limit of the log.
    let limit = MAX_LOG_BYTES + event + SUBSCRIBERS as u64 * MAX_FILTER_SET_BYTES;
    assert!(
        held <= limit,
        "{name}: {held} bytes are held, limit is {limit}"
    );
}

#[test]
fn stalled_subscribers_of_large_events_hold_what_the_log_holds() {
    let hub = Hub::new(HubConfig::new().position_events(false));
    let mut subscriptions = Vec::new();
    let held = held(|| {
        subscriptions = stalled(&hub);
        publish_to_all(&hub, 3, |topic, _| {
            Publication::new(topic, Event::new("x".repeat(1_000_000)))
        });
    });
    assert_bounded("events of 1 MB", held, 1_000_000);
    // The oldest event of each subscriber has left the log, so each gets a `lagged` event.
    let mut events = 0;
    for subscription in &mut subscriptions {
        let first = subscription
            .next()
            .now_or_never()
            .unwrap()
            .unwrap()
            .to_string();
        if first.starts_with("event: lagged\n") {
            assert!(first.ends_with("data: {\"missed\":3}\n\n"), "{first}");
        } else {
            // Without a `lagged` event, the subscriber would not know that it has missed events.
            panic!("{}", &first[..100]);
        }
        events += 1;
    }
    assert_eq!(events, SUBSCRIBERS);
    let next = hub
        .publish((topic("149"), Event::new("next")))
        .now_or_never();
    next.unwrap().unwrap();
    let frame = subscriptions[149].next().now_or_never().unwrap().unwrap();
    assert!(frame.to_string().ends_with("data: next\n\n"));
}

#[test]
fn a_large_event_comes_from_the_log_as_long_as_that_has_it() {
    let hub = Hub::new(HubConfig::new().position_events(false));
    let mut subscriptions = stalled(&hub);
    publish_to_all(&hub, 1, |topic, _| {
        Publication::new(topic, Event::new("x".repeat(1_000_000)))
    });
    let got: Vec<_> = subscriptions
        .iter_mut()
        .map(|subscription| subscription.next().now_or_never().unwrap().unwrap().len() > 1_000_000)
        .collect();
    let kept = got.iter().filter(|is_kept| **is_kept).count();
    assert!(kept >= 60, "{kept}");
    assert_eq!(
        got.iter().rev().take_while(|is_kept| **is_kept).count(),
        kept
    );
    assert_eq!(hub.stats().lagged as usize, SUBSCRIBERS - kept);
}

#[test]
fn long_keys_and_topics_are_memory_of_a_window_too() {
    let hub = Hub::new(
        HubConfig::new()
            .max_key_bytes(usize::MAX)
            .position_events(false),
    );
    let mut subscriptions = Vec::new();
    let held = held(|| {
        subscriptions = stalled(&hub);
        publish_to_all(&hub, 10, |topic, round| {
            Publication::new(topic, Event::new("x"))
                .with_key(format!("{round}{}", "k".repeat(60_000)))
        });
        publish_to_all(&hub, 5, |topic, round| {
            let others = (0..63).map(|n| format!("{n}{round:0250}"));
            let texts = others.chain([topic.as_str().to_owned()]);
            Publication::new(Topics::new(texts).unwrap(), Event::new("x"))
        });
    });
    assert_bounded("long keys", held, 100_000);
}

#[test]
fn frames_that_were_put_together_are_bounded() {
    let hub = Hub::new(HubConfig::new().position_events(false));
    let mut subscriptions = Vec::new();
    let held = held(|| {
        subscriptions = stalled(&hub);
        publish_to_all(&hub, 40, |topic, _| {
            Publication::new(topic, Event::new("x".repeat(5_000)))
        });
        for subscription in &mut subscriptions {
            // Each subscriber reads one frame, so the channel keeps it.
            drop(subscription.next().now_or_never());
        }
        publish_to_all(&hub, 3, |topic, _| {
            Publication::new(topic, Event::new("x".repeat(1_000_000)))
        });
    });
    assert_bounded("frames", held, 1_000_000);
}
