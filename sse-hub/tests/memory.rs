//! Subscribers that do not read hold no more than is promised.

mod support;

use allocation_counter::measure;
use futures_util::{FutureExt, StreamExt};
use sse_hub::{Hub, Post, Selection, Settings, Slow, Subscription, Topic, Topics};
use sse_hyper::Event;
use support::topic;

const SUBSCRIBERS: usize = 150;

/// Bytes that the log keeps by default.
const RETENTION: u64 = 64 * 1024 * 1024;

/// What a selection may hold beside the log, of events and of a frame of them; and what is needed to
/// know of it.
const SELECTION: u64 = (64 + 16 + 8) * 1024;

/// Subscribers of topics of their own, each of which waits for its first event.
fn stalled(hub: &Hub) -> Vec<Subscription> {
    let subscribe = |n: usize| {
        let selection = Selection::from(topic(&n.to_string()));
        let subscriber = hub.subscriber(selection).when_slow(Slow::Skip);
        let mut subscription = subscriber.subscribe().unwrap();
        assert!(subscription.next().now_or_never().is_none());
        subscription
    };
    (0..SUBSCRIBERS).map(subscribe).collect()
}

/// Publishes to each of them in turn what `post` makes of its topic.
fn publish_to_all(hub: &Hub, rounds: usize, post: impl Fn(Topic, usize) -> Post) {
    for round in 0..rounds {
        for n in 0..SUBSCRIBERS {
            let posting = hub.post(post(topic(&n.to_string()), round));
            posting.now_or_never().unwrap().unwrap();
        }
    }
}

/// Returns the bytes in memory after this, with the largest event once more.
fn held(f: impl FnOnce()) -> u64 {
    u64::try_from(measure(f).bytes_current).unwrap()
}

fn assert_bounded(what: &str, held: u64, event: u64) {
    let limit = RETENTION + event + SUBSCRIBERS as u64 * SELECTION;
    assert!(
        held <= limit,
        "{what}: {held} bytes are held, limit is {limit}"
    );
}

#[test]
fn stalled_subscribers_of_large_events_hold_what_the_log_holds() {
    let hub = Hub::new(Settings::new().with_position(false));
    let mut subscriptions = Vec::new();
    let held = held(|| {
        subscriptions = stalled(&hub);
        publish_to_all(&hub, 3, |topic, _| {
            Post::new(topic, Event::new("x".repeat(1_000_000)))
        });
    });
    assert_bounded("events of 1 MB", held, 1_000_000);
    // The newest are still in the log. The others are told what they have missed.
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
            // The one before has left the log.
            panic!("{}", &first[..100]);
        }
        events += 1;
    }
    assert_eq!(events, SUBSCRIBERS);
    let next = hub.publish(topic("149"), Event::new("next")).now_or_never();
    next.unwrap().unwrap();
    let frame = subscriptions[149].next().now_or_never().unwrap().unwrap();
    assert!(frame.to_string().ends_with("data: next\n\n"));
}

#[test]
fn a_large_event_comes_from_the_log_as_long_as_that_has_it() {
    let hub = Hub::new(Settings::new().with_position(false));
    let mut subscriptions = stalled(&hub);
    publish_to_all(&hub, 1, |topic, _| {
        Post::new(topic, Event::new("x".repeat(1_000_000)))
    });
    let got: Vec<_> = subscriptions
        .iter_mut()
        .map(|it| it.next().now_or_never().unwrap().unwrap().len() > 1_000_000)
        .collect();
    let kept = got.iter().filter(|it| **it).count();
    assert!(kept >= 60, "{kept}");
    assert_eq!(got.iter().rev().take_while(|it| **it).count(), kept);
    assert_eq!(hub.counts().lagged as usize, SUBSCRIBERS - kept);
}

#[test]
fn long_keys_and_topics_are_memory_of_a_window_too() {
    let hub = Hub::new(
        Settings::new()
            .with_max_key(usize::MAX)
            .with_position(false),
    );
    let mut subscriptions = Vec::new();
    let held = held(|| {
        subscriptions = stalled(&hub);
        publish_to_all(&hub, 10, |topic, round| {
            Post::new(topic, Event::new("x")).with_key(format!("{round}{}", "k".repeat(60_000)))
        });
        publish_to_all(&hub, 5, |topic, round| {
            let others = (0..63).map(|n| format!("{n}{round:0250}"));
            let texts = others.chain([topic.as_str().to_owned()]);
            Post::new(Topics::new(texts).unwrap(), Event::new("x"))
        });
    });
    assert_bounded("long keys", held, 100_000);
}

#[test]
fn frames_that_were_put_together_are_bounded() {
    let hub = Hub::new(Settings::new().with_position(false));
    let mut subscriptions = Vec::new();
    let held = held(|| {
        subscriptions = stalled(&hub);
        publish_to_all(&hub, 40, |topic, _| {
            Post::new(topic, Event::new("x".repeat(5_000)))
        });
        for subscription in &mut subscriptions {
            // Another than the next one.
            drop(subscription.next().now_or_never());
        }
        publish_to_all(&hub, 3, |topic, _| {
            Post::new(topic, Event::new("x".repeat(1_000_000)))
        });
    });
    assert_bounded("frames", held, 1_000_000);
}
