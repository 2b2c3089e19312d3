//! Tests of followers, of the queue, and of hubs on a store.

mod support;

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _};
use sse_hub::{
    Backend as _, BackendErrorKind, Event, EventId, Events, Hub, HubConfig, Publication, Retention,
    Topic, TopicFilters, Topics, Update,
};
use sse_hub_redb::{RedbConfig, RedbStore};
use support::{Folder, all, news, next, publish, short, take, test_timeout, unlimited};
use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};

#[tokio::test]
async fn a_follower_begins_with_the_latest_events() {
    let folder = Folder::new();
    let store = folder.open(unlimited());
    let mut from_empty = store.follow(3);
    assert_eq!(take(&mut from_empty, 1).await, [("connected", 0)]);
    publish(&store, 0..5).await;
    let mut updates = store.follow(3);
    let expected = [
        ("truncated", 2),
        ("event", 3),
        ("event", 4),
        ("event", 5),
        ("connected", 0),
    ];
    assert_eq!(take(&mut updates, 5).await, expected);
    let mut updates = store.follow(0);
    let expected = [("truncated", 5), ("connected", 0)];
    assert_eq!(take(&mut updates, 2).await, expected);
    let mut updates = store.follow(usize::MAX);
    let taken = take(&mut updates, 6).await;
    assert_eq!((taken[0], taken[5]), (("event", 1), ("connected", 0)));
    publish(&store, 5..6).await;
    assert_eq!(take(&mut updates, 1).await, [("event", 6)]);
    let taken = take(&mut from_empty, 6).await;
    assert_eq!((taken[0], taken[5]), (("event", 1), ("event", 6)));
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_get_each_event_once_and_in_order() {
    const PUBLISHERS: u64 = 50;
    const EVENTS: u64 = 40;
    let folder = Folder::new();
    let store = folder.open(unlimited());
    let mut followers = JoinSet::new();
    for _ in 0..3 {
        let mut updates = store.follow(0);
        // It begins before the first event.
        assert_eq!(take(&mut updates, 1).await, [("connected", 0)]);
        followers.spawn(async move {
            let mut events = Vec::new();
            while (events.len() as u64) < PUBLISHERS * EVENTS {
                let Update::Event(event) = next(&mut updates).await else {
                    panic!("expected an event");
                };
                events.push((event.sequence, event.publication.event.into_data()));
            }
            events
        });
    }

    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let store = store.clone();
        publishers.spawn(async move {
            let mut stored = Vec::new();
            for event in 0..EVENTS {
                let data = format!("{publisher}-{event}");
                stored.push((store.publish(&news(&*data)).await.unwrap(), data));
            }
            assert!(stored.is_sorted());
            stored
        });
    }
    let mut stored: Vec<_> = publishers.join_all().await.concat();
    stored.sort();
    let sequences = stored.iter().map(|(sequence, _)| *sequence);
    assert!(sequences.eq(1..=PUBLISHERS * EVENTS));
    let stored: Vec<_> = stored
        .into_iter()
        .map(|(sequence, data)| (sequence, data.into()))
        .collect();
    for events in timeout(test_timeout(), followers.join_all()).await.unwrap() {
        assert_eq!(events, stored);
    }
}

#[tokio::test]
async fn a_slow_follower_learns_what_was_removed() {
    let folder = Folder::new();
    let store = folder.open(unlimited().max_events(10));
    let mut updates = store.follow(0);
    assert_eq!(take(&mut updates, 1).await, [("connected", 0)]);
    publish(&store, 0..100).await;
    let (mut last, mut truncated) = (0, false);
    while last < 100 {
        match short(&next(&mut updates).await) {
            ("truncated", sequence) => {
                assert!(sequence > last);
                (last, truncated) = (sequence, true);
            }
            ("event", sequence) => {
                assert_eq!(sequence, last + 1);
                last = sequence;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(truncated);
}

#[tokio::test]
async fn a_publication_that_is_dropped_is_stored_or_not() {
    let folder = Folder::new();
    let store = folder.open(unlimited());
    for number in 0..200 {
        enqueue(&store, &news(number.to_string())).await;
    }
    let last = store.publish(&news("last")).await.unwrap();
    assert_eq!(last, 201);
    let stored = all(&store).await;
    assert_eq!(stored.last(), Some(&(last, "last".to_owned())));
    let sequences = stored.iter().map(|(sequence, _)| *sequence);
    assert!(sequences.eq(1..=last));
}

/// Puts an event into the queue of the store, and does not wait until it is stored.
async fn enqueue(store: &RedbStore, publication: &Publication) {
    drop(store.publish(publication).now_or_never());
    // Otherwise, tokio ends the turn of this task at some event, which then is not in the queue.
    yield_now().await;
}

#[tokio::test]
async fn publishing_has_a_timeout() {
    let folder = Folder::new();
    let store = folder.open(RedbConfig::new().publish_timeout(Duration::ZERO));
    // The event may be stored before the timeout is checked.
    let error = loop {
        if let Err(error) = store.publish(&news("0")).await {
            break error;
        }
    };
    assert_eq!(error.to_string(), "publishing timed out after 0ns");
    assert_eq!(error.kind(), BackendErrorKind::Unavailable);
}

fn hub(store: &RedbStore, kept_in_memory: usize) -> Hub {
    let mut retention = Retention::default();
    retention.events = kept_in_memory;
    let config = HubConfig::new().retention(retention);
    let (hub, follow) = Hub::with_backend(config, Arc::new(store.clone()));
    tokio::spawn(follow);
    hub
}

/// Reads this number of events, and returns their data and the last ID.
async fn read(events: &mut Events, count: usize) -> (Vec<String>, EventId) {
    let (mut data, mut last) = (Vec::new(), None);
    while data.len() < count {
        let event = timeout(test_timeout(), events.next())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(event.event_type(), "message");
        data.push(event.data().to_owned());
        last = event.id().cloned();
    }
    (data, last.unwrap())
}

#[tokio::test]
async fn a_client_resumes_after_a_restart() {
    let folder = Folder::new();
    let publish = async |hub: &Hub, range: core::ops::Range<u32>| {
        for number in range {
            hub.publish(news(number.to_string())).await.unwrap();
        }
    };
    let texts = |range: core::ops::Range<u32>| -> Vec<_> {
        range.map(|number| number.to_string()).collect()
    };
    let store = folder.open(unlimited());
    let first = hub(&store, 10);
    let mut events = first.subscribe(TopicFilters::all(), None).unwrap().events();
    publish(&first, 0..5).await;
    let (data, id) = read(&mut events, 3).await;
    assert_eq!(data, texts(0..3));
    publish(&first, 5..100).await;
    store.close().await;
    drop((first, events, store));

    let store = folder.open(unlimited());
    let second = hub(&store, 10);
    // Most of these are not in the memory of the new hub.
    let mut events = second
        .subscribe(TopicFilters::all(), Some(&id))
        .unwrap()
        .events();
    let (data, id) = read(&mut events, 97).await;
    assert_eq!(data, texts(3..100));
    publish(&second, 100..105).await;
    let (data, _) = read(&mut events, 5).await;
    assert_eq!(data, texts(100..105));

    // Another file has another epoch.
    let other = Folder::new().open(unlimited());
    let third = hub(&other, 10);
    publish(&third, 0..100).await;
    let mut events = third
        .subscribe(TopicFilters::all(), Some(&id))
        .unwrap()
        .events();
    let event = timeout(test_timeout(), events.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(event.event_type(), "reset");
}

#[tokio::test]
async fn a_client_resumes_with_an_id_of_the_publisher() {
    let folder = Folder::new();
    let open = || {
        let store = folder.open(unlimited());
        let mut retention = Retention::default();
        retention.events = 10;
        let config = HubConfig::new().publisher_ids(true).retention(retention);
        let (hub, follow) = Hub::with_backend(config, Arc::new(store.clone()));
        tokio::spawn(follow);
        (hub, store)
    };
    let id = |number: u32| EventId::new(format!("urn:{number}")).unwrap();
    let (hub, store) = open();
    for number in 0..100 {
        let mut publication = news(number.to_string());
        publication.event = publication.event.with_id(id(number));
        assert_eq!(hub.publish(publication).await.unwrap(), id(number));
    }
    store.close().await;
    let expected: Vec<_> = (3..100).map(|number: u32| number.to_string()).collect();
    // The log of the hub has not been loaded at first, and does not have the event then.
    let (hub, _store) = open();
    for _ in 0..2 {
        let builder = || hub.subscription(TopicFilters::all());
        for builder in [
            builder().after(Some(&id(2))),
            builder().after_or_start(&id(2)),
        ] {
            let mut events = builder.subscribe().unwrap().events();
            assert_eq!(read(&mut events, 97).await, (expected.clone(), id(99)));
        }
        let unknown = builder().after(Some(&id(100))).subscribe();
        let first = timeout(test_timeout(), unknown.unwrap().events().next()).await;
        assert_eq!(first.unwrap().unwrap().event_type(), "reset");
    }
}

#[tokio::test]
async fn all_parts_of_an_event_come_back() {
    let folder = Folder::new();
    let store = folder.open(unlimited());
    let long = "t".repeat(256);
    let topics = Topics::new(["a/b", "ü", &long]).unwrap();
    let event = Event::new("1\r\n2")
        .try_with_type("kind")
        .unwrap()
        .with_id(EventId::new("own").unwrap())
        .with_retry(Duration::from_millis(17));
    let publication = Publication::new(topics, event)
        .with_key("key")
        .with_private(true);
    store.publish(&publication).await.unwrap();
    let plain = news("");
    store.publish(&plain).await.unwrap();
    drop(store);
    let store = folder.open(unlimited());
    let mut updates = store.follow(2);
    for expected in [publication, plain] {
        let Update::Event(event) = next(&mut updates).await else {
            panic!("expected an event");
        };
        assert_eq!(event.publication, expected);
    }
}

#[tokio::test]
async fn a_replay_returns_the_events_of_its_filters() {
    let folder = Folder::new();
    let store = folder.open(unlimited());
    for number in 0..2000 {
        let topics = match number % 100 {
            7 => Topics::new(["rare", "news"]).unwrap(),
            _ => Topic::new("news").unwrap().into(),
        };
        let event = Event::new(number.to_string());
        enqueue(&store, &Publication::new(topics, event)).await;
    }
    let latest = store.publish(&news("end")).await.unwrap();
    assert_eq!(latest, 2001);
    let rare = TopicFilters::new(["rare"]).unwrap();
    let (events, is_truncated) = support::replay(&store, 108, 1908, &rare).await;
    let expected = (2..20).map(|hundred| (hundred * 100 + 8, (hundred * 100 + 7).to_string()));
    assert_eq!(
        events,
        expected
            .take_while(|(sequence, _)| *sequence <= 1908)
            .collect::<Vec<_>>()
    );
    assert!(!is_truncated);
    let none = support::replay(&store, 2001, 2001, &rare).await;
    assert_eq!(none, (vec![], false));
    let (events, _) = support::replay(&store, 0, u64::MAX, &TopicFilters::all()).await;
    assert_eq!(events.len(), 2001);
}
