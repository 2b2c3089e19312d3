//! IDs that publishers give their events, and subscriptions that resume after them.

mod support;

use futures_util::{FutureExt, StreamExt};
use sse_hub::{
    Hub, HubConfig, IdFormat, LagPolicy, PublishError, Retention, Start, Subscription, TopicFilters,
};
use sse_hyper::{Event, EventId, EventType};
use support::{publish, ready, sequenced_from_1, topic};

fn config() -> HubConfig {
    let ids = IdFormat::plain().with_prefix("#").unwrap();
    sequenced_from_1()
        .id_format(ids)
        .publisher_ids(true)
        .control_events(false)
}

fn id(text: &str) -> EventId {
    EventId::new(text).unwrap()
}

fn publish_with_id(hub: &Hub, event_id: &str, data: &str) {
    let event = Event::new(data.to_owned()).with_id(id(event_id));
    let published = hub.try_publish((topic("a"), event)).unwrap();
    assert_eq!(published, event_id);
}

fn after(hub: &Hub, last_event_id: &str) -> (Start, String) {
    let builder = hub.subscription(topic("a"));
    let mut subscription = builder
        .after_or_start(&id(last_event_id))
        .subscribe()
        .unwrap();
    let start = subscription.start().now_or_never().unwrap();
    (start, ready(&mut subscription))
}

#[test]
fn events_keep_their_ids_and_clients_resume_after_them() {
    let hub = Hub::new(config());
    let mut live = hub.subscribe(topic("a"), None).unwrap();
    publish_with_id(&hub, "urn:uuid:1", "one");
    assert_eq!(publish(&hub, "a", "two"), "#2");
    publish_with_id(&hub, "urn:uuid:3", "three");
    let all = [
        "id: urn:uuid:1\ndata: one\n\n",
        "id: #2\ndata: two\n\n",
        "id: urn:uuid:3\ndata: three\n\n",
    ];
    assert_eq!(ready(&mut live), all.concat());
    assert_eq!(hub.latest_id().unwrap(), "urn:uuid:3");
    for (last, left) in [("urn:uuid:1", 1), ("#2", 2), ("urn:uuid:3", 3)] {
        assert_eq!(after(&hub, last), (Start::Resumed, all[left..].concat()));
    }
    for unknown in ["2", "#4", "urn:uuid:2", "#", "earliest"] {
        assert_eq!(
            after(&hub, unknown),
            (Start::Earliest, all.concat()),
            "{unknown}"
        );
    }
    let mut now = hub.subscribe(topic("a"), Some(&id("urn:uuid:1"))).unwrap();
    assert_eq!(ready(&mut now), all[1..].concat());
}

#[test]
fn an_id_that_several_events_have_is_that_of_the_first() {
    let retention = Retention::new().events(3).events_per_topic(0);
    let hub = Hub::new(config().retention(retention));
    for (event_id, data) in [("x", "1"), ("y", "2"), ("x", "3")] {
        publish_with_id(&hub, event_id, data);
    }
    let data = |text: String| text.matches("data: ").count();
    assert_eq!(data(after(&hub, "x").1), 2);
    // The first one leaves the log, and then the second one.
    publish_with_id(&hub, "z", "4");
    let (start, text) = after(&hub, "x");
    assert_eq!((start, data(text)), (Start::Resumed, 1));
    for event_id in ["z", "z", "z"] {
        publish_with_id(&hub, event_id, "5");
    }
    let (start, text) = after(&hub, "x");
    assert_eq!((start, data(text)), (Start::Earliest, 3));
}

#[test]
fn without_the_option_the_hub_replaces_ids() {
    let hub = Hub::new(sequenced_from_1());
    let event = Event::new("x").with_id(id("own"));
    assert_eq!(hub.try_publish((topic("a"), event)).unwrap(), "1");
    let mut unknown = hub.subscribe(topic("a"), Some(&id("own"))).unwrap();
    assert!(ready(&mut unknown).starts_with("event: reset\n"));
}

#[test]
fn ids_have_a_limit() {
    let hub = Hub::new(config().max_event_id_bytes(3));
    let event = Event::new("x").with_id(id("four"));
    let error = hub.try_publish((topic("a"), event)).unwrap_err();
    assert!(matches!(
        error,
        PublishError::IdTooLong { bytes: 4, limit: 3 }
    ));
    assert_eq!(error.to_string(), "event ID is 4 bytes, limit is 3");
}

/// Reads all frames that are ready. Returns whether the subscription has ended, too.
fn read_to_end(subscription: &mut Subscription) -> (String, bool) {
    let text = ready(subscription);
    let end = subscription.next().now_or_never();
    (text, matches!(end, Some(None)))
}

#[test]
fn a_hub_without_events_of_its_own_ends_the_streams_of_slow_subscribers() {
    let retention = Retention::new().events(2).events_per_topic(0);
    let hub = Hub::new(config().retention(retention));
    let subscribe = |policy| {
        let builder = hub.subscription(TopicFilters::all()).lag_policy(policy);
        let mut subscription = builder.max_lag(3).subscribe().unwrap();
        assert_eq!(ready(&mut subscription), "");
        subscription
    };
    let mut slow = subscribe(LagPolicy::Disconnect);
    let mut skipping = subscribe(LagPolicy::Skip);
    for data in ["1", "2", "3", "4", "5"] {
        publish(&hub, "a", data);
    }
    assert_eq!(read_to_end(&mut slow), (String::new(), true));
    assert_eq!(read_to_end(&mut skipping), (String::new(), false));
    // Publishers may use the names of the hub's events.
    let event = Event::new("x").with_type(EventType::new("reset").unwrap());
    hub.try_publish((topic("a"), event)).unwrap();
    assert_eq!(ready(&mut skipping), "event: reset\nid: #6\ndata: x\n\n");
    let mut unknown = hub.subscribe(topic("a"), Some(&id("?"))).unwrap();
    assert_eq!(ready(&mut unknown), "");
}
