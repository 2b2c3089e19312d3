//! Private events: only subscribers that may receive them do, live and on replay.

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::{FutureExt, StreamExt};
use sse_hub::{
    CustomPattern, Hub, Publication, SubscribeError, Topic, TopicFilter, TopicFilters, Topics,
};
use sse_hyper::Event;
use support::{ready, sequenced_from_1, topic};
use testkit::timeout::test_timeout;
use tokio::time::{Duration, Instant, timeout};

fn send(hub: &Hub, topics: &[&str], data: &str, private: bool) {
    let topics = Topics::from_topics(topics.iter().map(|text| Topic::opaque(text).unwrap()));
    let publication = Publication::new(topics.unwrap(), Event::new(data.to_owned()));
    hub.try_publish(publication.with_private(private)).unwrap();
}

fn data(text: &str) -> Vec<&str> {
    let lines = text.split('\n');
    lines
        .filter_map(|line| line.strip_prefix("data: "))
        .collect()
}

/// Filters, private topics, and the numbers of the events that a subscriber receives.
type Case = (
    &'static str,
    Option<&'static [&'static str]>,
    &'static [&'static str],
);

const CASES: [Case; 7] = [
    ("books/*", None, &["1", "5"]),
    ("books/*", Some(&["books/1"]), &["1", "2", "5"]),
    ("books/*", Some(&["users/42/**"]), &["1", "4", "5"]),
    ("books/*", Some(&["**"]), &["1", "2", "3", "4", "5"]),
    ("users/42/**", Some(&["**"]), &["4"]),
    ("users/42/**", Some(&["books/2"]), &["4"]),
    ("**", Some(&["books/1", "other"]), &["1", "2", "5", "6"]),
];

fn send_all(hub: &Hub) {
    send(hub, &["books/1"], "1", false);
    send(hub, &["books/1"], "2", true);
    send(hub, &["books/2"], "3", true);
    send(hub, &["books/2", "users/42/books/2"], "4", true);
    send(hub, &["books/3"], "5", false);
    send(hub, &["other"], "6", true);
}

fn subscription(hub: &Hub, (filters, private, _): Case) -> sse_hub::SubscriptionBuilder {
    let builder = hub.subscription(TopicFilters::from_patterns([filters]).unwrap());
    match private {
        Some(private) => builder.private_topics(TopicFilters::from_patterns(private).unwrap()),
        None => builder,
    }
}

#[test]
fn live_and_replayed_events_have_the_same_audience() {
    let hub = Hub::new(sequenced_from_1());
    let mut live = CASES.map(|case| (case, subscription(&hub, case).subscribe().unwrap()));
    send_all(&hub);
    for ((filters, private, expected), live) in &mut live {
        let case = format!("{filters} {private:?}");
        assert_eq!(data(&ready(live)), *expected, "{case}, live");
        let from_start = subscription(&hub, (filters, *private, expected)).from_start();
        let mut replayed = from_start.subscribe().unwrap();
        assert_eq!(data(&ready(&mut replayed)), *expected, "{case}, replayed");
        let newest = subscription(&hub, (filters, *private, expected)).replay_last(1);
        let last = &expected[expected.len() - 1..];
        assert_eq!(
            data(&ready(&mut newest.subscribe().unwrap())),
            last,
            "{case}, newest"
        );
    }
}

#[test]
fn custom_patterns_match_live_and_replayed_events() {
    let calls = Arc::new(AtomicUsize::new(0));
    let hub = Hub::new(sequenced_from_1().max_custom_patterns(2));
    let filter = |ending: &'static str| {
        let calls = Arc::clone(&calls);
        let matcher = move |topic: &str| {
            calls.fetch_add(1, Ordering::Relaxed);
            topic.ends_with(ending)
        };
        TopicFilter::from(CustomPattern::new(ending, matcher).unwrap())
    };
    let mut live = hub.subscription(filter("1")).subscribe().unwrap();
    let mut reader = hub
        .subscription(filter("1"))
        .private_topics(filter("2"))
        .subscribe()
        .unwrap();
    send(&hub, &["a*1"], "public", false);
    assert_eq!(
        calls.load(Ordering::Relaxed),
        1,
        "subscribers share a pattern"
    );
    send(&hub, &["a*1"], "private", true);
    send(&hub, &["a*1", "a*2"], "readable", true);
    assert_eq!(data(&ready(&mut live)), ["public"]);
    assert_eq!(data(&ready(&mut reader)), ["public", "readable"]);
    let mut replayed = hub
        .subscription(filter("1"))
        .from_start()
        .subscribe()
        .unwrap();
    assert_eq!(data(&ready(&mut replayed)), ["public"]);

    let two = hub.subscription(filter("2")).subscribe().unwrap();
    let refused = hub.subscription(filter("3")).subscribe().unwrap_err();
    assert_eq!(refused, SubscribeError::TooManyPatterns(2));
    drop(two);
    let _three = hub.subscription(filter("3")).subscribe().unwrap();
    assert_eq!(hub.stats().subscribers, 4);
}

#[test]
fn a_subscription_holds_a_value() {
    let hub = Hub::new(sequenced_from_1());
    let value = Arc::new(());
    let mut subscription = hub.subscription(topic("a")).subscribe().unwrap();
    subscription.hold(Arc::clone(&value));
    assert_eq!(Arc::strong_count(&value), 2);
    drop(subscription);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[tokio::test]
async fn a_subscription_ends_in_time() {
    let hub = Hub::new(sequenced_from_1());
    let end = Instant::now() + Duration::from_millis(50);
    let mut subscription = hub
        .subscription(topic("a"))
        .end_at(end)
        .subscribe()
        .unwrap();
    send(&hub, &["a"], "1", false);
    assert_eq!(data(&ready(&mut subscription)), ["1"]);
    let ended = timeout(test_timeout(), subscription.next()).await.unwrap();
    assert!(ended.is_none() && Instant::now() >= end);
    send(&hub, &["a"], "2", false);
    assert!(subscription.next().now_or_never().unwrap().is_none());

    let late = hub.subscription(topic("a")).end_at(end).from_start();
    let mut late = late.subscribe().unwrap();
    assert!(
        timeout(test_timeout(), late.next())
            .await
            .unwrap()
            .is_none()
    );
}
