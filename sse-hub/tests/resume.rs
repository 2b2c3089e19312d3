//! Tests of where a subscription begins: after the client's last event, or with kept events.

mod support;

use std::time::Duration;

use futures_util::FutureExt;
use sse_hub::{Hub, HubConfig, IdFormat, LagPolicy, Publication, Retention, TopicFilters};
use sse_hyper::{Event, EventId};
use support::{publish, ready, sequenced_from_1, topic};

#[test]
fn an_id_that_is_unknown_or_too_old_resets() {
    let retention = Retention::new().events(2).events_per_topic(0);
    let hub = Hub::new(sequenced_from_1().retention(retention));
    for n in 1..=5 {
        publish(&hub, "a", &n.to_string());
    }
    let reset = |reason| format!("event: reset\nid: 5\ndata: {{\"reason\":\"{reason}\"}}\n\n");
    let long = "9".repeat(1000);
    let unknown = [
        "6",
        "99",
        "+4",
        "4 ",
        "x",
        "-1",
        "18446744073709551616",
        &long,
    ];
    let old = ["0", "1", "2"];
    let cases = unknown.map(|id| (id, "unknown")).into_iter();
    for (id, reason) in cases.chain(old.map(|id| (id, "too old"))) {
        let id = EventId::new(id).unwrap();
        let mut subscription = hub.subscribe(topic("a"), Some(&id)).unwrap();
        assert_eq!(ready(&mut subscription), reset(reason), "{id}");
    }
    let builder = hub.subscription(topic("a")).after_unknown();
    let mut subscription = builder.subscribe().unwrap();
    assert_eq!(ready(&mut subscription), reset("unknown"));
    assert_eq!(hub.stats().resets, 12);
}

#[test]
fn kept_events_are_replayed() {
    let hub = Hub::new(sequenced_from_1());
    for n in 1..=5 {
        publish(
            &hub,
            if n % 2 == 1 { "odd" } else { "even" },
            &n.to_string(),
        );
    }
    let from = |id: u64| {
        let id = EventId::from(id);
        ready(&mut hub.subscribe(topic("odd"), Some(&id)).unwrap())
    };
    assert_eq!(
        from(0),
        "id: 1\ndata: 1\n\nid: 3\ndata: 3\n\nid: 5\ndata: 5\n\n"
    );
    assert_eq!(from(2), from(1));
    assert_eq!(from(4), "id: 5\ndata: 5\n\n");
    assert_eq!(from(5), "");
    let latest = |events| {
        let builder = hub.subscription(topic("odd")).replay_last(events);
        ready(&mut builder.subscribe().unwrap())
    };
    assert_eq!(latest(0), "");
    assert_eq!(latest(1), from(4));
    assert_eq!(latest(2), from(1));
    assert_eq!(latest(99), from(0));
    assert_eq!(hub.stats().replayed, 3 + 2 + 2 + 1 + 1 + 2 + 3 + 1 + 2 + 3);
}

/// Events that are too old are not replayed, even if no newer event has removed them from the log.
#[test]
fn events_that_are_too_old_are_not_replayed() {
    let age = Duration::from_millis(200);
    let hub = Hub::new(sequenced_from_1().retention(Retention::new().age(age)));
    // This subscriber does not read, so the channel keeps the events as well.
    let mut stalled = hub.subscribe(topic("a"), None).unwrap();
    for n in 1..=3 {
        publish(&hub, "a", &n.to_string());
    }
    let keyed = Publication::new(topic("a"), Event::new("keyed")).with_key("k");
    let _ = hub.publish(keyed).now_or_never();
    std::thread::sleep(age * 2);
    let after = |id: u64, lag_policy| {
        let id = EventId::from(id);
        let builder = hub.subscription(topic("a")).lag_policy(lag_policy);
        ready(&mut builder.after(Some(&id)).subscribe().unwrap())
    };
    for lag_policy in [LagPolicy::Disconnect, LagPolicy::Skip] {
        for id in [1, 3] {
            let reset = "event: reset\nid: 4\ndata: {\"reason\":\"too old\"}\n\n";
            assert_eq!(after(id, lag_policy), reset);
        }
        assert_eq!(after(4, lag_policy), "", "the client has seen all events");
        let builder = || hub.subscription(topic("a")).lag_policy(lag_policy);
        let start = ready(&mut builder().from_start().subscribe().unwrap());
        let latest = ready(&mut builder().replay_last(9).subscribe().unwrap());
        assert_eq!((&*start, &*latest), ("", ""));
    }
    // The latest event of a key is kept at any age.
    let state = hub.subscription(topic("a")).lag_policy(LagPolicy::Latest);
    let state = ready(&mut state.from_start().subscribe().unwrap());
    assert_eq!(state, "id: 4\ndata: keyed\n\n");
    assert_eq!(after(2, LagPolicy::Latest), state);
    let other = topic("b");
    publish(&hub, "b", "without a key");
    std::thread::sleep(age * 2);
    let mut stalled_too = hub.subscription(&other).lag_policy(LagPolicy::Latest);
    stalled_too = stalled_too.after(Some(&EventId::from(4)));
    assert_eq!(ready(&mut stalled_too.subscribe().unwrap()), "");
    // This subscriber was there when the events were new.
    assert_eq!(ready(&mut stalled).matches("data: ").count(), 4);
}

#[test]
fn ids_from_before_a_restart_are_unknown() {
    for ids in formats() {
        let hub = || {
            Hub::new(
                HubConfig::new()
                    .id_format(ids.clone())
                    .position_events(false),
            )
        };
        let publish_some = |hub: &Hub| [1, 2, 3].map(|n| publish(hub, "a", &n.to_string()));
        let (before, after) = (hub(), hub());
        let (old, new) = (publish_some(&before), publish_some(&after));
        for (old, new) in old.iter().zip(&new) {
            assert_ne!(old, new);
            let mut subscription = after.subscribe(topic("a"), Some(old)).unwrap();
            let reset = ready(&mut subscription);
            assert!(reset.starts_with("event: reset\n"), "{reset}");
            assert!(reset.contains("unknown"), "{reset}");
        }
        let mut subscription = after.subscribe(topic("a"), Some(&new[1])).unwrap();
        assert_eq!(
            ready(&mut subscription),
            format!("id: {}\ndata: 3\n\n", new[2])
        );
    }
}

/// Returns all ID formats. Two hubs with the same key stand for a hub that was restarted.
fn formats() -> Vec<IdFormat> {
    vec![
        IdFormat::plain(),
        #[cfg(feature = "sealed-ids")]
        IdFormat::sealed([7; 16]),
    ]
}

#[cfg(feature = "sealed-ids")]
#[test]
fn sealed_ids_resume_and_cannot_be_guessed() {
    let hub = Hub::new(sequenced_from_1().id_format(IdFormat::sealed([7; 16])));
    let first = publish(&hub, "a", "1");
    publish(&hub, "a", "2");
    let mut subscription = hub.subscribe(topic("a"), Some(&first)).unwrap();
    assert!(ready(&mut subscription).ends_with("data: 2\n\n"));
    let guess = EventId::from(1);
    let mut subscription = hub.subscribe(topic("a"), Some(&guess)).unwrap();
    assert!(ready(&mut subscription).contains("unknown"));
}

#[test]
fn plain_ids_are_the_default() {
    let hub = Hub::new(sequenced_from_1().id_format(IdFormat::plain()));
    assert_eq!(publish(&hub, "a", "1").as_str(), "1");
}

#[test]
fn a_new_subscriber_can_have_the_state() {
    let hub = Hub::new(sequenced_from_1().retention(Retention::new().events(2)));
    let prices = topic("prices");
    for (symbol, price) in [("A", "1"), ("B", "2"), ("A", "3"), ("C", "4"), ("C", "5")] {
        let publication = Publication::new(&prices, Event::new(price)).with_key(symbol);
        let _ = hub.publish(publication).now_or_never();
    }
    let builder = hub
        .subscription(&prices)
        .from_start()
        .lag_policy(LagPolicy::Latest);
    let state = ready(&mut builder.subscribe().unwrap());
    assert_eq!(
        state,
        "id: 2\ndata: 2\n\nid: 3\ndata: 3\n\nid: 5\ndata: 5\n\n"
    );
}

/// Uses the defaults: the log keeps 16,384 events.
#[test]
fn a_quiet_topic_is_not_reset_by_a_busy_one() {
    let hub = Hub::new(sequenced_from_1());
    let seen = publish(&hub, "quiet/q1", "1");
    for _ in 0..16_500 {
        publish(&hub, "busy", "x");
    }
    publish(&hub, "quiet/q1", "2");
    // The search in the log takes several turns.
    let text = |filters: TopicFilters, id: &EventId| {
        let mut subscription = hub.subscribe(filters, Some(id)).unwrap();
        let turns = (0..1000).map(|_| ready(&mut subscription));
        turns.collect::<String>()
    };
    for filters in [
        TopicFilters::new(["quiet/q1"]).unwrap(),
        TopicFilters::from_patterns(["quiet/*", "none"]).unwrap(),
    ] {
        assert_eq!(text(filters, &seen), "id: 16502\ndata: 2\n\n");
    }
    // Selected events are lost.
    for filters in [&["busy"][..], &["quiet/*", "busy"], &["**"]] {
        let filters = TopicFilters::from_patterns(filters).unwrap();
        assert!(text(filters, &seen).starts_with("event: reset\n"));
    }
}

#[test]
fn events_that_are_too_old_reset_only_their_subscribers() {
    let age = Duration::from_millis(20);
    let hub = Hub::new(sequenced_from_1().retention(Retention::new().age(age)));
    let seen = publish(&hub, "a", "1");
    publish(&hub, "b", "2");
    std::thread::sleep(age * 2);
    let mut subscription = hub.subscribe(topic("a"), Some(&seen)).unwrap();
    publish(&hub, "a", "3");
    assert_eq!(ready(&mut subscription), "id: 3\ndata: 3\n\n");
    let mut subscription = hub.subscribe(topic("b"), Some(&seen)).unwrap();
    assert!(ready(&mut subscription).contains("too old"));
}
