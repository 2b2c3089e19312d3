//! Tests with several nodes over one NATS server, without failures.

mod support;

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use sse_hub::{Retention, TopicFilters, Topics};
use sse_hub_nats::{JetStream, NatsConfig};
use sse_proto::{Event, EventId, EventType};
use support::{
    Nats, Nodes, all, chain, connected, next, numbers, publish, test_timeout, texts, topic,
    with_test_timeout,
};
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn an_event_of_one_node_reaches_the_other() {
    let nats = Nats::start().unwrap();
    let (a, b) = (nats.node(), nats.node());
    connected(&b, true).await;
    let mut events = all(&b, None);
    let ids = publish(&a, 0..3).await;
    for (number, id) in ids.iter().enumerate() {
        let event = next(&mut events).await;
        assert_eq!((event.data(), event.id()), (&*number.to_string(), Some(id)));
    }
    assert!(events.next_now().is_none());
}

#[tokio::test]
async fn a_client_resumes_at_the_other_node() {
    let nats = Nats::start().unwrap();
    let (a, b) = (nats.node(), nats.node());
    let ids = publish(&a, 0..10).await;
    let mut events = all(&a, Some(&ids[3]));
    assert_eq!(texts(&mut events, 2).await, numbers(4..6));
    let mut events = all(&b, Some(&ids[5]));
    assert_eq!(texts(&mut events, 4).await, numbers(6..10));
    // A node that starts later loads the existing events.
    let c = nats.node();
    let mut events = all(&c, Some(&ids[0]));
    assert_eq!(texts(&mut events, 9).await, numbers(1..10));
    assert_eq!(c.latest_id().as_ref(), ids.last());
}

#[tokio::test]
async fn events_that_have_left_the_log_come_from_the_stream() {
    let nats = Nats::start().unwrap();
    let mut small = Retention::default();
    small.events = 10;
    let (a, b) = (nats.node(), nats.node_with(with_test_timeout(), small));
    connected(&b, true).await;
    let ids = publish(&a, 0..700).await;
    let publisher = tokio::spawn(async move { publish(&a, 700..1400).await });
    let mut readers = Vec::new();
    for start in [0, 1, 255, 256, 257, 500, 690] {
        let mut events = all(&b, Some(&ids[start]));
        readers.push(tokio::spawn(async move {
            let got = texts(&mut events, 1399 - start).await;
            assert_eq!(got, numbers(start + 1..1400));
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
    publisher.await.unwrap();
    assert_eq!(b.stats().resets, 0);
}

#[tokio::test]
async fn odd_topics_keys_and_events_arrive() {
    let nats = Nats::start().unwrap();
    let (a, b) = (nats.node(), nats.node());
    connected(&b, true).await;
    let topics = [
        " leading",
        "trailing ",
        "a,b",
        "100%",
        "ü/豆腐/😀",
        "\u{feff}",
    ];
    let filters = TopicFilters::from_patterns(["ü/豆腐/*"]).unwrap();
    let mut one = b.subscribe(filters, None).unwrap().events();
    let mut events = all(&b, None);
    let event = Event::new("id: 1\r\ndata: x\r\n\r\n")
        .with_type(EventType::new(" odd: type").unwrap())
        .with_retry(Duration::from_millis(7));
    for key in ["", " a ", "\r\n\0", "ключ"] {
        let publication =
            sse_hub::Publication::new(Topics::new(topics).unwrap(), event.clone()).with_key(key);
        let id = a.publish(publication).await.unwrap();
        for events in [&mut events, &mut one] {
            let got = next(events).await;
            assert_eq!(got.id(), Some(&id));
            assert_eq!(got.event_type(), " odd: type");
            assert_eq!(got.data(), "id: 1\ndata: x\n\n");
        }
    }
}

#[tokio::test]
async fn messages_of_strangers_are_skipped() {
    let nats = Nats::start().unwrap();
    let node = nats.node();
    let first = publish(&node, 0..1).await.remove(0);
    let mut live = all(&node, Some(&first));
    let stranger = nats.client().await;
    for payload in [
        "",
        "garbage",
        "data: a\n\ndata: b\n\n",
        "id: 9\ndata: forged\n\n",
    ] {
        let acknowledged = stranger
            .publish("sse.events", payload.into())
            .await
            .unwrap();
        acknowledged.await.unwrap();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Sse-Topics", "news");
        let sent = stranger
            .publish_with_headers("sse.events", headers, payload.into())
            .await;
        sent.unwrap().await.unwrap();
    }
    publish(&node, 1..3).await;
    assert_eq!(texts(&mut live, 2).await, numbers(1..3));
    // A replay from the stream skips the messages, too.
    let mut small = Retention::default();
    small.events = 1;
    let other = nats.node_with(with_test_timeout(), small);
    connected(&other, true).await;
    assert_eq!(
        texts(&mut all(&other, Some(&first)), 2).await,
        numbers(1..3)
    );
    assert_eq!(other.stats().resets, 0);
}

#[tokio::test]
async fn headers_that_cannot_be_read_are_skipped() {
    let nats = Nats::start().unwrap();
    let node = nats.node();
    let first = publish(&node, 0..1).await.remove(0);
    connected(&node, true).await;
    for headers in [
        "NATS/1.0\r\nA: b\rc\r\n\r\n",
        "NATS/1.0\r\nno colon\r\n\r\n",
        "NATS/1.0\r\nA: \u{fffd}\r\n\r\n",
    ] {
        let mut headers = headers.as_bytes().to_vec();
        // Makes the bytes invalid UTF-8.
        headers
            .iter_mut()
            .filter(|byte| **byte == 0xef)
            .for_each(|byte| *byte = 0xff);
        support::publish_raw(&nats, "sse.events", &headers, b"data: x\n\n").await;
    }
    publish(&node, 1..3).await;
    assert_eq!(texts(&mut all(&node, Some(&first)), 2).await, numbers(1..3));
    connected(&node, true).await;
}

#[tokio::test]
async fn deleted_messages_are_no_loss_and_removed_ones_are() {
    let nats = Nats::start().unwrap();
    let config = with_test_timeout().max_events(50);
    let mut small = Retention::default();
    small.events = 5;
    let (a, b) = (
        nats.node_with(config.clone(), small),
        nats.node_with(config, small),
    );
    connected(&a, true).await;
    connected(&b, true).await;
    let ids = publish(&a, 0..100).await;
    let stream = nats.client().await.get_stream("sse").await.unwrap();
    for at in [60, 61, 70, 99] {
        let sequence = support::sequence(&ids[at]);
        assert!(stream.delete_message(sequence).await.unwrap());
    }
    let mut wanted = numbers(56..99);
    wanted.retain(|number| !["60", "61", "70"].contains(&&**number));
    let mut events = all(&b, Some(&ids[55]));
    assert_eq!(texts(&mut events, 40).await, wanted);
    // The stream keeps 50 events, from 50 on. A client that has seen event 49 misses no event.
    assert_eq!(next(&mut all(&b, Some(&ids[49]))).await.data(), "50");
    let reset = next(&mut all(&b, Some(&ids[48]))).await;
    assert_eq!(
        (reset.event_type(), reset.data()),
        ("reset", r#"{"reason":"too old"}"#)
    );
    let unknown = EventId::from(u64::MAX / 2);
    let reset = next(&mut all(&b, Some(&unknown))).await;
    assert_eq!(
        (reset.event_type(), reset.data()),
        ("reset", r#"{"reason":"unknown"}"#)
    );
    // The last message is deleted. A new node still becomes connected, and its client gets the next event.
    let c = nats.node();
    connected(&c, true).await;
    let mut late = all(&c, Some(&ids[98]));
    publish(&a, 100..101).await;
    assert_eq!(texts(&mut late, 1).await, ["100"]);
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused() {
    let nats = Nats::start().unwrap();
    let node = nats.node_with(
        NatsConfig::new().publish_timeout(Duration::from_secs(3600)),
        Retention::default(),
    );
    // The refusal comes long before the timeout of the node.
    let refused = node.publish((topic(), Event::new("x".repeat(1024 * 1024))));
    let refused = timeout(test_timeout(), refused).await;
    let error = refused.expect("refused at once").unwrap_err();
    let error = chain(&error);
    assert!(error.contains("max payload"), "{error}");
    let large = "x".repeat(1000 * 1000);
    connected(&node, true).await;
    let mut events = all(&node, None);
    for _ in 0..20 {
        node.publish((topic(), Event::new(large.clone())))
            .await
            .unwrap();
    }
    for _ in 0..20 {
        assert_eq!(next(&mut events).await.data().len(), large.len());
    }
}

#[tokio::test]
async fn a_stream_that_is_not_fit_is_refused() {
    use async_nats::jetstream::stream::{Config, RetentionPolicy};

    let within = NatsConfig::new().publish_timeout(Duration::from_millis(500));
    for (config, fault) in [
        (
            Config {
                subjects: vec!["sse.>".to_owned()],
                ..Config::default()
            },
            "subjects are",
        ),
        (
            Config {
                retention: RetentionPolicy::Interest,
                ..Config::default()
            },
            "retention",
        ),
        (
            Config {
                no_ack: true,
                ..Config::default()
            },
            "no_ack",
        ),
    ] {
        let mut config = Config {
            name: "sse".to_owned(),
            ..config
        };
        if config.subjects.is_empty() {
            config.subjects = vec!["sse.events".to_owned()];
        }
        // Each case has its own server, because a node creates a deleted stream again.
        let nats = Nats::start().unwrap();
        let client = nats.client().await;
        client.create_stream(config).await.unwrap();
        let node = nats.node_with(within.clone(), Retention::default());
        // On a busy machine, the node may time out before it finds the fault.
        let start = Instant::now();
        loop {
            let error = node.publish((topic(), Event::new("x"))).await.unwrap_err();
            let error = chain(&error);
            if error.contains(fault) {
                break;
            }
            assert!(start.elapsed() < test_timeout(), "{error}");
        }
        assert!(!node.is_connected());
    }
    // Other limits of an existing stream are not changed.
    let config = Config {
        name: "sse".to_owned(),
        subjects: vec!["sse.events".to_owned()],
        max_messages: 7,
        ..Config::default()
    };
    let nats = Nats::start().unwrap();
    let client = nats.client().await;
    client.create_stream(config).await.unwrap();
    let node = nats.node();
    publish(&node, 0..10).await;
    let stream = client.get_stream("sse").await.unwrap();
    assert_eq!(stream.cached_info().config.max_messages, 7);
    assert_eq!(stream.cached_info().state.messages, 7);
}

#[tokio::test]
async fn consumers_are_cleaned_up() {
    let nats = Nats::start().unwrap();
    let mut small = Retention::default();
    small.events = 1;
    let node = nats.node_with(with_test_timeout(), small);
    connected(&node, true).await;
    let ids = publish(&node, 0..600).await;
    for _ in 0..5 {
        assert_eq!(
            texts(&mut all(&node, Some(&ids[0])), 599).await,
            numbers(1..600)
        );
    }
    let mut stream = nats.client().await.get_stream("sse").await.unwrap();
    let start = Instant::now();
    loop {
        let consumers = stream.info().await.unwrap().state.consumer_count;
        if consumers == 1 {
            break;
        }
        assert!(start.elapsed() < test_timeout(), "{consumers} consumers");
        sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn names_and_addresses_are_checked() {
    let connect = |address, config| JetStream::new(address, config).unwrap_err().to_string();
    let named = |name: &str| NatsConfig::new().stream(name);
    assert_eq!(
        connect("localhost", named("a.b")),
        r#"stream "a.b" contains '.'"#
    );
    assert_eq!(connect("localhost", named("")), "stream name is empty");
    let subject = |name: &str| NatsConfig::new().subject(name);
    assert_eq!(
        connect("localhost", subject("a.>")),
        r#"subject "a.>" contains '>'"#
    );
    assert_eq!(
        connect("localhost", subject("a..b")),
        r#"subject "a..b" has an empty token"#
    );
    let error = connect("http://me:secret@x", NatsConfig::new());
    assert!(
        error.starts_with("NATS address 1: ") && !error.contains("secret"),
        "{error}"
    );
    let stream = JetStream::new("nats://me:secret@x:1,tls://y", NatsConfig::new()).unwrap();
    let shown = format!("{stream:?}");
    assert!(
        shown.contains("x:1, y:4222") && !shown.contains("secret"),
        "{shown}"
    );
}

trait NextNow {
    fn next_now(&mut self) -> Option<Event>;
}

impl NextNow for sse_hub::Events {
    fn next_now(&mut self) -> Option<Event> {
        use futures_util::StreamExt as _;

        self.next().now_or_never().flatten()
    }
}
