//! Tests with publishers and subscribers on many threads at the same time.
#![expect(clippy::disallowed_methods, reason = "the test parses its own numbers")]

mod support;

use std::time::Duration;

use futures_util::StreamExt;
use sse_hub::{Hub, HubConfig, Topic, TopicFilters};
use sse_hyper::{Event, EventId};
use support::channels;
use testkit::timeout::test_timeout;

const PUBLISHERS: u64 = 4;
const EVENTS: u64 = 3_000;

/// Subscribers lose the connection again and again while events are published, and resume after their last event.
/// So the switch from replay to live events happens at many positions.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn nothing_is_lost_between_replay_and_live_events() {
    let hub = Hub::new(HubConfig::new().first_sequence(1));
    let filter_sets = [
        (vec!["topic/0"], 1),
        (vec!["topic/1", "topic/2"], 2),
        (vec!["topic/*"], PUBLISHERS),
        (vec!["**", "topic/3"], PUBLISHERS),
    ];
    let mut readers = Vec::new();
    for index in 0..40 {
        let (texts, topics) = filter_sets[index % filter_sets.len()].clone();
        let filters = TopicFilters::from_patterns(&texts).unwrap();
        readers.push(tokio::spawn(read(hub.clone(), filters, topics * EVENTS)));
    }
    let mut publishers = Vec::new();
    for publisher in 0..PUBLISHERS {
        let hub = hub.clone();
        publishers.push(tokio::spawn(async move {
            let topic = Topic::new(format!("topic/{publisher}")).unwrap();
            for number in 1..=EVENTS {
                let event = Event::new(format!("{publisher} {number}"));
                hub.publish((&topic, event)).await.unwrap();
                if number % 7 == 0 {
                    tokio::task::yield_now().await;
                }
                if number % 500 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }));
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let mut reconnections = 0;
    for reader in readers {
        reconnections += reader.await.unwrap();
    }
    assert!(
        reconnections > 1_000,
        "{reconnections} reconnections are too few for a meaningful test"
    );
    assert_eq!(hub.stats().subscribers, 0);
    assert_eq!(channels(&hub), 0);
}

/// Reads the expected number of events over many connections. Returns the number of connections.
async fn read(hub: Hub, filters: TopicFilters, expected: u64) -> u64 {
    let mut seen = [0; PUBLISHERS as usize];
    let mut count = 0;
    let mut reconnections = 0;
    let mut last = EventId::from(0);
    let mut random = fastrand::Rng::new();
    while count < expected {
        reconnections += 1;
        let subscription = hub.subscribe(filters.clone(), Some(&last)).unwrap();
        let mut events = subscription.events();
        for _ in 0..random.u32(1..200) {
            let next = tokio::time::timeout(test_timeout(), events.next());
            let event = next
                .await
                .expect("subscriber is woken")
                .expect("stream does not end");
            let (publisher, number) = event.data().split_once(' ').expect("no reset");
            let publisher: usize = publisher.parse().unwrap();
            seen[publisher] += 1;
            assert_eq!(number, seen[publisher].to_string(), "publisher {publisher}");
            last = EventId::new(event.last_event_id()).unwrap();
            count += 1;
            if count == expected {
                break;
            }
        }
    }
    reconnections
}
