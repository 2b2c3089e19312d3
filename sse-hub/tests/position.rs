//! Tests that a subscriber always knows its position: from `position` events, and from the IDs of all events that the
//! hub itself sends.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use sse_hub::{Denied, Grant, Hub, HubConfig, LagPolicy, Retention};
use sse_hyper::{CloseEvent, Event, EventId};
use support::{publish, ready, topic};

/// Creates a hub that sends a position each time that there are no events.
fn hub() -> Hub {
    Hub::new(config())
}

fn config() -> HubConfig {
    HubConfig::new()
        .first_sequence(1)
        .position_interval(Duration::ZERO)
}

fn position(sequence: u64) -> String {
    format!("event: position\nid: {sequence}\ndata: {{}}\n\n")
}

#[test]
fn the_position_is_sent_first() {
    let hub = hub();
    publish(&hub, "a", "x");
    publish(&hub, "b", "y");
    let mut subscription = hub.subscribe(topic("b"), None).unwrap();
    assert_eq!(ready(&mut subscription), position(2));
    // The position is that at the time of the subscription, even if events are published before the first poll.
    let mut subscription = hub.subscribe(topic("b"), None).unwrap();
    publish(&hub, "b", "z");
    assert_eq!(ready(&mut subscription), position(2) + "id: 3\ndata: z\n\n");

    let first = EventId::from(1);
    let mut subscription = hub.subscribe(topic("b"), Some(&first)).unwrap();
    assert!(ready(&mut subscription).starts_with(&(position(1) + "id: 2\n")));
    let latest = hub.subscription(topic("b")).replay_last(1);
    let text = ready(&mut latest.subscribe().unwrap());
    assert_eq!(text, position(2) + "id: 3\ndata: z\n\n");
    let start = hub.subscription(topic("b")).from_start();
    assert!(ready(&mut start.subscribe().unwrap()).starts_with(&position(0)));
}

#[test]
fn no_position_is_sent_if_positions_are_off() {
    let hub = Hub::new(config().position_events(false));
    let mut subscription = hub.subscribe(topic("b"), None).unwrap();
    publish(&hub, "a", "x");
    assert_eq!(ready(&mut subscription) + &ready(&mut subscription), "");
    // A subscriber in this program gets no positions, because it cannot lose a connection.
    let hub = self::hub();
    let mut events = hub.subscribe(topic("b"), None).unwrap().events();
    publish(&hub, "a", "x");
    assert!(events.next().now_or_never().is_none());
    assert!(events.next().now_or_never().is_none());
    publish(&hub, "b", "x");
    let event = events.next().now_or_never().unwrap().unwrap();
    assert_eq!(event.event_type(), "message");
}

/// Uses the defaults: the log keeps 16,384 events.
#[test]
fn a_quiet_subscriber_beside_a_busy_topic_is_not_reset() {
    let hub = hub();
    let mut subscription = hub.subscribe(topic("quiet"), None).unwrap();
    publish(&hub, "quiet", "1");
    let mut text = ready(&mut subscription);
    for n in 0..16_500 {
        publish(&hub, "busy", "x");
        if n % 1000 == 0 {
            text.push_str(&ready(&mut subscription));
        }
    }
    let last = text
        .rsplit_once("id: ")
        .unwrap()
        .1
        .split_once('\n')
        .unwrap()
        .0;
    let id = EventId::new(last).unwrap();
    drop(subscription);
    publish(&hub, "quiet", "2");
    let mut subscription = hub.subscribe(topic("quiet"), Some(&id)).unwrap();
    let text = ready(&mut subscription);
    assert!(
        !text.contains("reset") && text.ends_with("data: 2\n\n"),
        "{text}"
    );
}

#[test]
fn a_position_is_sent_when_it_has_moved_and_the_interval_has_passed() {
    let hub = Hub::new(config().position_interval(Duration::from_secs(1)));
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    assert_eq!(ready(&mut subscription), position(0));
    publish(&hub, "b", "x");
    sleep(Duration::from_millis(2100));
    assert_eq!(ready(&mut subscription), position(1));
    sleep(Duration::from_millis(2100));
    assert_eq!(ready(&mut subscription), "", "the position has not moved");
    publish(&hub, "b", "x");
    assert_eq!(ready(&mut subscription), position(2));
}

#[cfg(feature = "sealed-ids")]
#[test]
fn a_secret_position_is_sent_even_if_it_has_not_moved() {
    let hub = Hub::new(config().id_format(sse_hub::IdFormat::sealed([7; 16])));
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    ready(&mut subscription);
    for n in 0..10 {
        if n % 2 == 0 {
            publish(&hub, "b", "x");
        }
        let text = subscription
            .next()
            .now_or_never()
            .unwrap()
            .unwrap()
            .to_string();
        assert!(text.starts_with("event: position\nid: "), "{text}");
        assert_eq!(text.len(), position(0).len() - 1 + 48);
    }
}

#[test]
fn a_subscriber_that_lagged_has_missed_nothing_that_is_kept() {
    let hub = Hub::new(config().retention(Retention::new().events(1000)));
    let builder = hub.subscription(topic("a")).max_lag(1);
    let mut subscription = builder
        .lag_policy(LagPolicy::Disconnect)
        .subscribe()
        .unwrap();
    publish(&hub, "a", "seen");
    ready(&mut subscription);
    for n in 0..500 {
        publish(&hub, "a", &n.to_string());
    }
    let text = ready(&mut subscription);
    assert!(text.starts_with("event: lagged\nid: 1\n"), "{text}");
    assert!(subscription.next().now_or_never().unwrap().is_none());
    let mut subscription = hub.subscribe(topic("a"), Some(&EventId::from(1))).unwrap();
    assert_eq!(ready(&mut subscription).matches("data: ").count(), 1 + 500);
}

#[tokio::test]
async fn a_subscriber_that_is_denied_knows_where_it_stood() {
    let hub = hub();
    let is_denied = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_denied);
    let authorizer = move |_: sse_hub::TopicFilters| {
        let answer = match asked.load(Ordering::Relaxed) {
            false => Ok(Grant::expires_in(Duration::from_millis(1))),
            true => Err(Denied::new("no more")),
        };
        async move { answer }
    };
    let builder = hub.subscription(topic("a"));
    let mut subscription = builder.subscribe_authorized(authorizer).await.unwrap();
    publish(&hub, "a", "x");
    assert!(ready(&mut subscription).ends_with("id: 1\ndata: x\n\n"));
    is_denied.store(true, Ordering::Relaxed);
    let text = subscription.next().await.unwrap().to_string();
    assert_eq!(text, "event: denied\nid: 1\ndata: no more\n\n");
}

#[test]
fn a_hub_that_closes_tells_each_subscriber_its_position() {
    let hub = hub();
    let mut both = ["a", "b"].map(|name| hub.subscribe(topic(name), None).unwrap());
    publish(&hub, "a", "x");
    for subscription in &mut both {
        ready(subscription);
    }
    publish(&hub, "a", "unread");
    hub.close(CloseEvent::new(Event::new("{}")));
    hub.close(CloseEvent::default());
    let closing = |sequence: u64| format!("event: closing\nid: {sequence}\ndata: {{}}\n\n");
    let [a, b] = &mut both;
    assert_eq!(ready(a), closing(1));
    assert_eq!(ready(b), closing(0), "it got no other position before");
    // A later subscriber gets the close event, too. One that has not read its replay gets no ID.
    let mut later = hub.subscribe(topic("a"), None).unwrap();
    assert_eq!(ready(&mut later), closing(2));
    let latest = hub.subscription(topic("a")).replay_last(2);
    let text = ready(&mut latest.subscribe().unwrap());
    assert_eq!(text, "event: closing\ndata: {}\n\n");
    for subscription in both {
        assert!(
            subscription
                .events()
                .next()
                .now_or_never()
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn a_hub_that_closes_wakes_its_subscribers() {
    let hub = hub();
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    ready(&mut subscription);
    let ended = tokio::spawn(async move { subscription.next().await });
    tokio::task::yield_now().await;
    hub.close(CloseEvent::default());
    let ended = tokio::time::timeout(testkit::timeout::test_timeout(), ended);
    assert!(ended.await.unwrap().unwrap().is_none());
}
