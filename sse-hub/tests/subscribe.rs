//! How subscriptions begin and end.

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
    Denied, Grant, Hub, Ids, InvalidTopic, Post, PublishError, Retention, Selection, Selector,
    Settings, Slow, SubscribeError, Subscription, Topic, Topics,
};
use sse_hyper::{Event, EventId, EventType, Farewell, Streams};

fn topic(text: &str) -> Topic {
    Topic::new(text).unwrap()
}

fn publish(hub: &Hub, to: &str, data: &str) -> EventId {
    let publishing = hub.publish(topic(to), Event::new(data.to_owned()));
    publishing
        .now_or_never()
        .expect("it does not wait")
        .unwrap()
}

/// What is ready.
fn ready(subscription: &mut Subscription) -> String {
    let mut text = String::new();
    while let Some(Some(frame)) = subscription.next().now_or_never() {
        text.push_str(&frame.to_string());
    }
    text
}

fn numbered_from_1() -> Settings {
    Settings::new().with_first_number(1)
}

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
        r"topic: '\r' at byte 2"
    );
    assert_eq!(Topics::new([""; 0]).unwrap_err(), InvalidTopic::None);
    let many = |count| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    assert!(Topics::new(many(64)).is_ok() && Selection::new(many(64)).is_ok());
    assert_eq!(Topics::new(many(65)).unwrap_err(), InvalidTopic::TooMany);
    assert_eq!(Selection::new(many(65)).unwrap_err(), InvalidTopic::TooMany);

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
    for (selector, text, expected) in matches {
        let selector = Selector::new(selector).unwrap();
        assert_eq!(
            selector.matches(&topic(text)),
            expected,
            "{selector} {text}"
        );
    }
    for text in ["a*", "**/a", "a/**/b", "***", "a/b*"] {
        assert!(Selector::new(text).is_err(), "{text}");
    }
}

#[test]
fn an_event_of_many_topics_comes_once() {
    let hub = Hub::new(numbered_from_1());
    let mut subscription = hub
        .subscribe(Selection::new(["a", "b", "*", "**"]).unwrap(), None)
        .unwrap();
    let topics = Topics::new(["a", "b", "c/d"]).unwrap();
    let _ = hub.publish(topics, Event::new("x")).now_or_never();
    assert_eq!(ready(&mut subscription), "id: 1\ndata: x\n\n");
    assert_eq!(hub.counts().delivered, 1);
}

#[test]
fn all_that_is_ready_is_one_frame_and_shared() {
    let hub = Hub::default();
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
        .map(|it| it.next().now_or_never().unwrap().unwrap())
        .collect();
    assert_eq!(frames[0].events().count(), 16);
    for frame in &frames {
        assert_eq!(frame.as_bytes().as_ptr(), frames[0].as_bytes().as_ptr());
    }
}

#[test]
fn an_id_that_is_unknown_or_too_old_resets() {
    let mut retention = Retention::default();
    retention.events = 2;
    let hub = Hub::new(numbered_from_1().with_retention(retention));
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
        let id = EventId::new(id.to_owned()).unwrap();
        let mut subscription = hub.subscribe(topic("a"), Some(&id)).unwrap();
        assert_eq!(ready(&mut subscription), reset(reason), "{id}");
    }
    assert_eq!(hub.counts().resets, 11);
}

#[test]
fn what_is_kept_comes_again() {
    let hub = Hub::new(numbered_from_1());
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
    let newest = |events| {
        let subscriber = hub.subscriber(topic("odd")).with_newest(events);
        ready(&mut subscriber.subscribe().unwrap())
    };
    assert_eq!(newest(0), "");
    assert_eq!(newest(1), from(4));
    assert_eq!(newest(2), from(1));
    assert_eq!(newest(99), from(0));
    assert_eq!(hub.counts().replayed, 3 + 2 + 2 + 1 + 1 + 2 + 3 + 1 + 2 + 3);
}

#[test]
fn a_hub_that_starts_again_knows_old_ids_to_be_old() {
    let before = Hub::default();
    let old = publish(&before, "a", "1");
    std::thread::sleep(Duration::from_millis(2));
    let after = Hub::default();
    publish(&after, "a", "2");
    let mut subscription = after.subscribe(topic("a"), Some(&old)).unwrap();
    assert!(ready(&mut subscription).contains("too old"));
}

#[test]
fn the_first_block_says_where_it_stands_if_that_is_asked_for() {
    let hub = Hub::new(numbered_from_1().with_position());
    publish(&hub, "a", "x");
    let mut subscription = hub.subscribe(topic("b"), None).unwrap();
    assert_eq!(ready(&mut subscription), "id: 1\n\n");
}

#[cfg(feature = "sealed-ids")]
#[test]
fn sealed_ids_resume_and_cannot_be_guessed() {
    let hub = Hub::new(numbered_from_1().with_ids(Ids::sealed([7; 16])));
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
    let hub = Hub::new(numbered_from_1().with_ids(Ids::plain()));
    assert_eq!(publish(&hub, "a", "1").as_str(), "1");
}

#[test]
fn there_are_no_more_subscribers_than_there_may_be() {
    let hub = Hub::new(Settings::new().with_max_subscribers(2));
    let one = hub.subscribe(topic("a"), None).unwrap();
    let _two = hub.subscribe(topic("b"), None).unwrap();
    let error = hub.subscribe(topic("c"), None).unwrap_err();
    assert_eq!(error, SubscribeError::Full(2));
    assert_eq!(error.to_string(), "there are 2 subscribers already");
    drop(one);
    assert!(hub.subscribe(topic("c"), None).is_ok());
}

#[test]
fn an_event_may_be_too_large() {
    let hub = Hub::new(Settings::new().with_max_event(3));
    publish(&hub, "a", "123");
    let publishing = hub.publish(topic("a"), Event::new("1234"));
    let error = publishing.now_or_never().unwrap().unwrap_err();
    assert!(matches!(
        error,
        PublishError::TooLarge { bytes: 4, limit: 3 }
    ));
    let event = Event::new("1").with_type(EventType::new("t").unwrap());
    let posting = hub.post(Post::new(topic("a"), event).with_key("ke"));
    let error = posting.now_or_never().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "an event of 4 bytes, of which 3 are allowed"
    );
    assert_eq!(hub.counts().published, 1);
}

/// A task that only its waker keeps, as some executors have it: with the waker goes the task, and what
/// it has subscribed to.
#[test]
fn a_waker_may_take_subscriptions_with_it() {
    struct Task {
        _kept: Mutex<Subscription>,
    }

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    let hub = Hub::default();
    let keep = || {
        let subscription = hub.subscribe(topic("a"), None).unwrap();
        Waker::from(Arc::new(Task {
            _kept: Mutex::new(subscription),
        }))
    };
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    for _ in 0..3 {
        // The second takes the place of the first.
        let waker = keep();
        let mut cx = Context::from_waker(&waker);
        assert!(subscription.poll_next_unpin(&mut cx).is_pending());
    }
    assert_eq!(hub.counts().subscribers, 2);
    drop(subscription);
    assert_eq!(hub.counts().subscribers, 0);

    // Woken, it goes as well.
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    let waker = keep();
    let mut cx = Context::from_waker(&waker);
    assert!(subscription.poll_next_unpin(&mut cx).is_pending());
    drop(waker);
    publish(&hub, "a", "x");
    assert_eq!(hub.counts().subscribers, 1);
}

#[test]
fn an_own_id_is_replaced() {
    let hub = Hub::new(numbered_from_1());
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    let event = Event::new("x").with_id(EventId::new("mine").unwrap());
    let _ = hub.publish(topic("a"), event).now_or_never();
    assert_eq!(ready(&mut subscription), "id: 1\ndata: x\n\n");
}

#[test]
fn a_new_subscriber_can_have_the_state() {
    let mut retention = Retention::default();
    retention.events = 2;
    let hub = Hub::new(numbered_from_1().with_retention(retention));
    let prices = topic("prices");
    for (symbol, price) in [("A", "1"), ("B", "2"), ("A", "3"), ("C", "4"), ("C", "5")] {
        let post = Post::new(&prices, Event::new(price)).with_key(symbol);
        let _ = hub.post(post).now_or_never();
    }
    let subscriber = hub.subscriber(&prices).from_start().when_slow(Slow::Latest);
    let state = ready(&mut subscriber.subscribe().unwrap());
    assert_eq!(
        state,
        "id: 2\ndata: 2\n\nid: 3\ndata: 3\n\nid: 5\ndata: 5\n\n"
    );
}

#[test]
fn one_may_be_behind_by_so_many_and_not_more() {
    let hub =
        Hub::new(numbered_from_1().with_retry(Duration::from_secs(2)..=Duration::from_secs(2)));
    let subscribe = |slow| {
        let subscriber = hub.subscriber(topic("a")).with_max_lag(3).when_slow(slow);
        let mut subscription = subscriber.subscribe().unwrap();
        assert_eq!(ready(&mut subscription), "");
        subscription
    };
    let mut skips = subscribe(Slow::Skip);
    let mut leaves = subscribe(Slow::Disconnect);
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
    let lagged = "event: lagged\nretry: 2000\ndata: {\"behind\":4}\n\n";
    assert_eq!(ready(&mut leaves), lagged);
    assert!(
        leaves.next().now_or_never().unwrap().is_none(),
        "it has ended"
    );
    let counts = hub.counts();
    assert_eq!((counts.lagged, counts.dropped), (2, 4));
    // It comes back, and may take its time to catch up.
    let last = EventId::from(3);
    let again = hub
        .subscriber(topic("a"))
        .with_max_lag(3)
        .after(Some(&last));
    let again = ready(&mut again.subscribe().unwrap());
    assert_eq!(again.matches("data").count(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_is_denied_hears_nothing_and_who_was_granted_is_asked_again() {
    let hub = Hub::new(numbered_from_1());
    let deny = |_: &Selection| async { Err(Denied::new("no")) };
    let error = hub
        .subscriber(topic("a"))
        .subscribe_if(deny)
        .await
        .unwrap_err();
    assert_eq!(error, SubscribeError::Denied(Denied::new("no")));
    assert_eq!(hub.counts().subscribers, 0);

    let asked = Arc::new(AtomicUsize::new(0));
    let authority = {
        let asked = Arc::clone(&asked);
        move |selection: &Selection| {
            assert!(selection.matches(&topic("a")));
            let times = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                match times {
                    0 | 1 => Ok(Grant::for_time(Duration::from_secs(60))),
                    _ => Err(Denied::new("it is\nover")),
                }
            }
        }
    };
    let subscriber = hub.subscriber(topic("a"));
    let mut events = subscriber.subscribe_if(authority).await.unwrap().events();
    publish(&hub, "a", "1");
    assert_eq!(events.next().await.unwrap().data(), "1");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let waiting = tokio::time::timeout(Duration::from_secs(70), events.next());
    assert!(waiting.await.is_err(), "granted again");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    publish(&hub, "a", "2");
    assert_eq!(events.next().await.unwrap().data(), "2");
    let last = events.next().await.unwrap();
    assert_eq!((last.event_type(), last.data()), ("denied", "it is\nover"));
    // What comes while the authority is asked is not for it.
    publish(&hub, "a", "3");
    assert!(events.next().await.is_none());
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn it_is_a_body_that_ends_with_the_others() {
    let (hub, streams) = (Hub::new(numbered_from_1()), Streams::default());
    let request = http::Request::new(());
    let subscription = hub.subscribe(topic("a"), None).unwrap();
    let response = streams.respond(&request, subscription);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = Box::pin(response.into_body());
    publish(&hub, "a", "x");
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame, ":\n\nid: 1\ndata: x\n\n");
    streams.close(Farewell::new(Event::new("bye")));
    let rest = body.collect().await.unwrap().to_bytes();
    assert_eq!(rest, "data: bye\n\n");
    assert_eq!((streams.open(), hub.counts().subscribers), (0, 0));
}
