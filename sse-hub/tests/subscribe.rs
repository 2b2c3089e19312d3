//! Tests of how subscriptions begin and end.

mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use http_body_util::BodyExt;
use sse_hub::{
    Denied, Grant, Hub, HubConfig, InvalidTopic, LagPolicy, Publication, PublishError,
    SubscribeError, Subscription, Topic, TopicFilter, TopicFilters, Topics,
};
use sse_hyper::{CloseEvent, Event, EventId, EventType, StreamTracker};
use support::{publish, ready, sequenced_from_1, topic};

#[test]
fn topics_and_patterns() {
    for text in ["a", "a/b", "/", "a//b", "ü", "a b", &"x".repeat(256)] {
        assert_eq!(topic(text).as_str(), text);
    }
    let wrong = [
        "",
        "a\nb",
        "a\0",
        "\u{7f}",
        "\u{85}",
        "a*",
        "*",
        "**",
        &"x".repeat(257),
    ];
    for text in wrong {
        assert!(Topic::new(text).is_err(), "{text:?}");
    }
    assert_eq!(
        Topic::new("ab\rc").unwrap_err().to_string(),
        r"topic has the control character '\r' at byte 2"
    );
    assert_eq!(Topics::new([""; 0]).unwrap_err(), InvalidTopic::None);
    let many = |count| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    assert!(Topics::new(many(64)).is_ok() && TopicFilters::new(many(64)).is_ok());
    assert_eq!(Topics::new(many(65)).unwrap_err(), InvalidTopic::TooMany);
    assert_eq!(
        TopicFilters::new(many(65)).unwrap_err(),
        InvalidTopic::TooMany
    );

    let matches = [
        ("a/b", "a/b", true),
        ("a/b", "a", false),
        ("*", "a", true),
        ("*", "a/b", false),
        ("**", "a/b/c", true),
        ("a/*", "a/b", true),
        ("a/*", "a", false),
        ("a/*", "a/b/c", false),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("a/**", "ab/c", false),
        ("*/b", "a/b", true),
        ("*/*/c", "a/b/c", true),
        ("a/*/c", "a//c", true),
    ];
    for (filter, text, expected) in matches {
        let filter = TopicFilter::from_pattern(filter).unwrap();
        assert_eq!(filter.matches(&topic(text)), expected, "{filter} {text}");
    }
    for text in ["a*", "**/a", "a/**/b", "***", "a/b*"] {
        assert!(TopicFilter::from_pattern(text).is_err(), "{text}");
    }
}

/// Selects the events of a user in the obvious way, for users with unusual names.
#[test]
fn the_name_of_a_user_selects_nothing_of_others() {
    let hub = Hub::new(sequenced_from_1());
    for name in ["*", "**", "*/**", "a*", "bob*"] {
        let error = TopicFilters::new(["room".to_owned(), format!("user/{name}")]).unwrap_err();
        assert!(matches!(error, InvalidTopic::Star(_)), "{error:?}");
        assert!(error.to_string().contains("from_patterns"), "{error}");
        assert!(Topics::new([format!("user/{name}")]).is_err());
    }
    for name in ["*", "**", "a*", "bob/private", "/", "", "a/*", "a\nb"] {
        assert!(Topic::from_segments(["user", name]).is_err(), "{name:?}");
        assert!(Topic::from_segments(["user", name, "x"]).is_err());
        assert!(Topic::from_segments([name]).is_err());
    }
    let reason = |segments: &[&str]| Topic::from_segments(segments).unwrap_err().to_string();
    assert_eq!(reason(&["user", "x/y"]), r#"segment "x/y" has a `/`"#);
    assert_eq!(reason(&["user", ""]), "segment 1 is empty");
    assert_eq!(reason(&[]), "topic is empty");

    let own = Topic::from_segments(["user", "bob"]).unwrap();
    let below = TopicFilter::below(&own).unwrap();
    let topics = Topics::new([&own, &topic("room")]).unwrap();
    let filter_sets = [
        (TopicFilters::from(&topics), 2),
        (TopicFilters::from(topics), 2),
        (
            TopicFilters::new(["room", own.as_str(), "room"]).unwrap(),
            2,
        ),
        (TopicFilters::from_filters([&own]).unwrap(), 1),
        (TopicFilters::from(below.clone()), 1),
        (
            TopicFilters::from(own.clone())
                .with_patterns(["room", "r/**"])
                .unwrap(),
            2,
        ),
        (
            TopicFilters::from_filters([TopicFilter::from(own), below]).unwrap(),
            2,
        ),
    ];
    let mut subscriptions =
        filter_sets.map(|(filters, expected)| (hub.subscribe(filters, None).unwrap(), expected));
    for to in [
        "room",
        "user/bob",
        "user/bob/inbox",
        "user/bobby",
        "user",
        "user/eve/inbox",
    ] {
        publish(&hub, to, "x");
    }
    for (subscription, expected) in &mut subscriptions {
        let events = ready(subscription).matches("data: x").count();
        assert_eq!(events, *expected, "{subscription:?}");
    }
    let long = Topic::new("x".repeat(254)).unwrap();
    assert_eq!(
        TopicFilter::below(&long).unwrap_err(),
        InvalidTopic::TooLong {
            bytes: 257,
            limit: 256
        }
    );
    let many = (0..64).map(|number| number.to_string());
    let full = TopicFilters::new(many).unwrap();
    assert_eq!(
        full.with_patterns(["*"]).unwrap_err(),
        InvalidTopic::TooMany
    );
}

#[test]
fn an_event_of_many_topics_is_delivered_once() {
    let hub = Hub::new(sequenced_from_1());
    let mut subscription = hub
        .subscribe(
            TopicFilters::from_patterns(["a", "b", "*", "**"]).unwrap(),
            None,
        )
        .unwrap();
    let topics = Topics::new(["a", "b", "c/d"]).unwrap();
    let _ = hub.publish((topics, Event::new("x"))).now_or_never();
    assert_eq!(ready(&mut subscription), "id: 1\ndata: x\n\n");
    assert_eq!(hub.stats().delivered, 1);
}

#[test]
fn all_that_is_ready_is_one_frame_and_shared() {
    let hub = Hub::new(sequenced_from_1());
    let mut subscriptions: Vec<_> = (0..3)
        .map(|_| hub.subscribe(topic("a"), None).unwrap())
        .collect();
    for subscription in &mut subscriptions {
        assert_eq!(ready(subscription), "");
    }
    for n in 0..16 {
        publish(&hub, "a", &n.to_string());
    }
    let frames: Vec<_> = subscriptions
        .iter_mut()
        .map(|subscription| subscription.next().now_or_never().unwrap().unwrap())
        .collect();
    assert_eq!(frames[0].events().count(), 16);
    for frame in &frames {
        assert_eq!(frame.as_bytes().as_ptr(), frames[0].as_bytes().as_ptr());
    }
}

#[test]
fn the_number_of_subscribers_is_limited() {
    let hub = Hub::new(HubConfig::new().max_subscribers(2));
    let one = hub.subscribe(topic("a"), None).unwrap();
    let _two = hub.subscribe(topic("b"), None).unwrap();
    let error = hub.subscribe(topic("c"), None).unwrap_err();
    assert_eq!(error, SubscribeError::Full(2));
    assert_eq!(error.to_string(), "limit of 2 subscribers is reached");
    drop(one);
    assert!(hub.subscribe(topic("c"), None).is_ok());
}

#[test]
fn an_event_may_be_too_large() {
    let hub = Hub::new(HubConfig::new().max_event_bytes(3));
    publish(&hub, "a", "123");
    let publishing = hub.publish((topic("a"), Event::new("1234")));
    let error = publishing.now_or_never().unwrap().unwrap_err();
    assert!(matches!(
        error,
        PublishError::TooLarge { bytes: 4, limit: 3 }
    ));
    let event = Event::new("1").with_type(EventType::new("t").unwrap());
    let publishing = hub.publish(Publication::new(topic("a"), event).with_key("ke"));
    let error = publishing.now_or_never().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "event is 4 bytes, limit is 3");
    assert_eq!(hub.stats().published, 1);
}

#[test]
fn an_event_of_many_lines_is_as_large_as_on_the_wire() {
    const MAX_EVENT_BYTES: usize = 10_000;

    let hub = Hub::new(HubConfig::new().max_event_bytes(MAX_EVENT_BYTES));
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    for line_end in ["\n", "\r", "\r\n"] {
        let mut data = String::new();
        let mut largest = 0;
        while hub
            .publish((topic("a"), Event::new(data.clone())))
            .now_or_never()
            .unwrap()
            .is_ok()
        {
            let frame = subscription.next().now_or_never().unwrap().unwrap();
            largest = frame.len();
            data.push_str(&line_end.repeat(100));
        }
        assert!(
            (MAX_EVENT_BYTES / 3..=MAX_EVENT_BYTES + 100).contains(&largest),
            "{largest} bytes"
        );
    }
}

/// Some executors keep a task alive by its waker alone. If the waker is dropped, the task and its subscriptions are
/// dropped, too.
#[test]
fn a_waker_may_take_subscriptions_with_it() {
    struct Task {
        _kept: Mutex<Subscription>,
    }

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    let hub = Hub::new(sequenced_from_1());
    let keep = || {
        let subscription = hub.subscribe(topic("a"), None).unwrap();
        Waker::from(Arc::new(Task {
            _kept: Mutex::new(subscription),
        }))
    };
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    for _ in 0..3 {
        // The second waker replaces the first one.
        let waker = keep();
        let mut cx = Context::from_waker(&waker);
        assert!(subscription.poll_next_unpin(&mut cx).is_pending());
    }
    assert_eq!(hub.stats().subscribers, 2);
    drop(subscription);
    assert_eq!(hub.stats().subscribers, 0);

    // A waker is also dropped after it was woken.
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    let waker = keep();
    let mut cx = Context::from_waker(&waker);
    assert!(subscription.poll_next_unpin(&mut cx).is_pending());
    drop(waker);
    publish(&hub, "a", "x");
    assert_eq!(hub.stats().subscribers, 1);
}

#[test]
fn an_own_id_is_replaced() {
    let hub = Hub::new(sequenced_from_1());
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    let event = Event::new("x").with_id(EventId::new("mine").unwrap());
    let _ = hub.publish((topic("a"), event)).now_or_never();
    assert_eq!(ready(&mut subscription), "id: 1\ndata: x\n\n");
}

#[test]
fn a_subscriber_may_be_behind_up_to_its_maximum_lag() {
    let hub =
        Hub::new(sequenced_from_1().lagged_retry(Duration::from_secs(2)..=Duration::from_secs(2)));
    let subscribe = |lag_policy| {
        let builder = hub
            .subscription(topic("a"))
            .max_lag(3)
            .lag_policy(lag_policy);
        let mut subscription = builder.subscribe().unwrap();
        assert_eq!(ready(&mut subscription), "");
        subscription
    };
    let mut skips = subscribe(LagPolicy::Skip);
    let mut leaves = subscribe(LagPolicy::Disconnect);
    for n in 1..=3 {
        publish(&hub, "a", &n.to_string());
    }
    assert_eq!(ready(&mut skips).matches("data").count(), 3);
    assert_eq!(ready(&mut leaves).matches("data").count(), 3);
    for n in 4..=7 {
        publish(&hub, "a", &n.to_string());
        publish(&hub, "b", "of no interest");
    }
    let lagged = "event: lagged\nid: 10\ndata: {\"missed\":4}\n\n";
    assert_eq!(ready(&mut skips), lagged);
    let lagged = "event: lagged\nid: 3\nretry: 2000\ndata: {\"behind\":4}\n\n";
    assert_eq!(ready(&mut leaves), lagged);
    assert!(
        leaves.next().now_or_never().unwrap().is_none(),
        "the stream has ended"
    );
    let counts = hub.stats();
    assert_eq!((counts.lagged, counts.dropped), (2, 4));
    // After it reconnects, the lag limit does not apply until it has caught up.
    let last = EventId::from(3);
    let again = hub.subscription(topic("a")).max_lag(3).after(Some(&last));
    let again = ready(&mut again.subscribe().unwrap());
    assert_eq!(again.matches("data").count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_denied_client_gets_no_events_and_a_grant_is_renewed() {
    let hub = Hub::new(sequenced_from_1());
    let deny = |_: TopicFilters| async { Err(Denied::new("no")) };
    let error = hub
        .subscription(topic("a"))
        .subscribe_authorized(deny)
        .await
        .unwrap_err();
    assert_eq!(error, SubscribeError::Denied(Denied::new("no")));
    assert_eq!(hub.stats().subscribers, 0);
    // The future may keep the filters.
    let ask_elsewhere = |filters: TopicFilters| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let allowed = ["a", "b/**"];
        match filters
            .iter()
            .find(|filter| !allowed.contains(&filter.as_str()))
        {
            None => Ok(Grant::forever()),
            Some(filter) => Err(Denied::new(filter.to_string())),
        }
    };
    let own = TopicFilters::from_patterns(["a", "b/**"]).unwrap();
    let others = own.clone().with_patterns(["c/*"]).unwrap();
    let subscribe = async |filters| {
        hub.subscription(filters)
            .subscribe_authorized(ask_elsewhere)
            .await
    };
    assert!(subscribe(own).await.is_ok());
    let error = subscribe(others).await.unwrap_err();
    assert_eq!(error, SubscribeError::Denied(Denied::new("c/*")));

    let asked = Arc::new(AtomicUsize::new(0));
    let authorizer = {
        let asked = Arc::clone(&asked);
        move |filters: TopicFilters| {
            assert!(filters.matches(&topic("a")));
            let times = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                match times {
                    0 | 1 => Ok(Grant::expires_in(Duration::from_secs(60))),
                    _ => Err(Denied::new("it is\nover")),
                }
            }
        }
    };
    let builder = hub.subscription(topic("a"));
    let mut events = builder
        .subscribe_authorized(authorizer)
        .await
        .unwrap()
        .events();
    publish(&hub, "a", "1");
    assert_eq!(events.next().await.unwrap().data(), "1");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let waiting = tokio::time::timeout(Duration::from_secs(70), events.next());
    assert!(waiting.await.is_err(), "the grant was renewed");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    publish(&hub, "a", "2");
    assert_eq!(events.next().await.unwrap().data(), "2");
    let last = events.next().await.unwrap();
    assert_eq!((last.event_type(), last.data()), ("denied", "it is\nover"));
    // An event that is published while the authorizer decides is not delivered.
    publish(&hub, "a", "3");
    assert!(events.next().await.is_none());
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_subscription_is_a_body_that_ends_with_its_tracker() {
    let (hub, streams) = (Hub::new(sequenced_from_1()), StreamTracker::default());
    let request = http::Request::new(());
    let subscription = hub.subscribe(topic("a"), None).unwrap();
    let response = streams.respond(&request, subscription);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = Box::pin(response.into_body());
    publish(&hub, "a", "x");
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame, ":\n\nid: 1\ndata: x\n\n");
    streams.close(CloseEvent::new(Event::new("bye")));
    let rest = body.collect().await.unwrap().to_bytes();
    assert_eq!(rest, "event: closing\ndata: bye\n\n");
    assert_eq!((streams.open_streams(), hub.stats().subscribers), (0, 0));
}

#[test]
fn lags_are_counted_in_a_histogram() {
    let hub = Hub::new(sequenced_from_1());
    for behind in [2, 10, 11] {
        let subscription = hub.subscription(topic("a")).max_lag(1);
        let mut subscription = subscription
            .lag_policy(LagPolicy::Skip)
            .subscribe()
            .unwrap();
        assert_eq!(ready(&mut subscription), "");
        for n in 0..behind {
            publish(&hub, "a", &n.to_string());
        }
        assert!(ready(&mut subscription).starts_with("event: lagged\n"));
    }
    let lag = hub.stats().lag;
    assert_eq!(lag.buckets, [0, 2, 3, 3, 3, 3]);
    assert_eq!((lag.count, lag.sum), (3, 23));
}
