//! Tests that each topic has its own subject, so that a replay reads only the selected topics.

mod support;

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
};

use async_nats::{HeaderMap, jetstream::stream};
use serde_json::Value;
use sse_hub::{Hub, Retention, TopicFilters, Topics};
use sse_proto::{Event, EventId};
use support::{Nats, Nodes, connected, next, numbers, publish, texts, topic, with_test_timeout};
use testkit::port;

/// Publishes an event to these topics.
async fn publish_to<const N: usize>(hub: &Hub, topics: [&str; N], data: &str) -> EventId {
    let topics = Topics::new(topics).unwrap();
    hub.publish((topics, Event::new(data.to_owned())))
        .await
        .unwrap()
}

/// Starts a node after all events were published. It keeps only two events in memory.
async fn late_node(nats: &Nats) -> Hub {
    let node = nats.node_with(with_test_timeout(), Retention::new().events(2));
    connected(&node, true).await;
    node
}

/// Reads `count` events of these filters after an ID, and returns their data.
async fn replayed(hub: &Hub, patterns: &[&str], after: &EventId, count: usize) -> Vec<String> {
    let filters = TopicFilters::from_patterns(patterns).unwrap();
    let subscription = hub.subscribe(filters, Some(after)).unwrap();
    texts(&mut subscription.events(), count).await
}

/// Returns the number of messages that the server has sent to all its clients.
fn sent(monitor: u16) -> u64 {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, monitor)).unwrap();
    connection.write_all(b"GET /varz HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let status: Value = serde_json::from_str(body).unwrap();
    status["out_msgs"].as_u64().unwrap()
}

#[tokio::test]
async fn a_quiet_topic_beside_a_busy_one_is_replayed_alone() {
    const BUSY: usize = 3000;
    let monitor = port::free().unwrap();
    let nats = Nats::configured(&format!("http: \"127.0.0.1:{monitor}\"")).unwrap();
    let node = nats.node();
    let first = publish_to(&node, ["quiet/q1"], "1").await;
    publish(&node, 0..BUSY / 2).await;
    publish_to(&node, ["quiet/q1"], "2").await;
    publish_to(&node, ["quiet/q2"], "3").await;
    publish_to(&node, ["others", "quiet/q1"], "4").await;
    publish(&node, BUSY / 2..BUSY).await;
    let late = late_node(&nats).await;
    let before = sent(monitor);
    for patterns in [["quiet/q1", "none"], ["quiet/q1", "quiet/q1/**"]] {
        assert_eq!(replayed(&late, &patterns, &first, 2).await, ["2", "4"]);
    }
    for patterns in [["quiet/*", "none"], ["quiet/**", "quiet/*"]] {
        assert_eq!(replayed(&late, &patterns, &first, 3).await, ["2", "3", "4"]);
    }
    let messages = sent(monitor) - before;
    assert!(messages < 200, "{messages} messages for 10 events");
    assert_eq!(late.stats().resets, 0);
}

/// Publishes more events than are fetched at a time, of selected and other topics in random order.
#[tokio::test]
async fn topics_come_in_their_order() {
    const EVENTS: usize = 2000;
    let nats = Nats::start().unwrap();
    let node = nats.node();
    let first = publish_to(&node, ["first"], "").await;
    for number in 0..EVENTS {
        let number = number.to_string();
        match fastrand::u8(..4) {
            0 => publish_to(&node, ["a"], &number).await,
            1 => publish_to(&node, ["b/c"], &number).await,
            2 => publish_to(&node, ["a", "b/d"], &number).await,
            _ => {
                publish_to(&node, ["others"], "x").await;
                publish_to(&node, ["b/e"], &number).await
            }
        };
    }
    let late = late_node(&nats).await;
    for patterns in [&["a", "b/*"][..], &["a", "b/**", "b/c", "none/*"]] {
        let data = replayed(&late, patterns, &first, EVENTS).await;
        assert_eq!(data, numbers(0..EVENTS), "{patterns:?}");
    }
}

#[tokio::test]
async fn any_topic_can_be_a_subject() {
    let nats = Nats::start().unwrap();
    let node = nats.node();
    let first = publish_to(&node, ["first"], "").await;
    let slashes = "/".repeat(256);
    let long = "ü".repeat(128);
    let topics = [
        "a.b",
        ">",
        "%",
        "//",
        "a b",
        "a\u{2028}",
        "$JS",
        &slashes,
        &long,
    ];
    for topic in topics {
        publish_to(&node, [topic], topic).await;
    }
    let late = late_node(&nats).await;
    for topic in topics {
        assert_eq!(replayed(&late, &[topic], &first, 1).await, [topic]);
    }
}

/// The stream is created by hand, with one subject.
#[tokio::test]
async fn a_stream_with_one_subject_serves_as_well() {
    let nats = Nats::start().unwrap();
    let config = support::stream_config();
    nats.client().await.create_stream(config).await.unwrap();
    let node = nats.node();
    let first = publish_to(&node, ["a"], "1").await;
    publish(&node, 0..5).await;
    publish_to(&node, ["a"], "2").await;
    publish(&node, 0..5).await;
    let late = late_node(&nats).await;
    assert_eq!(replayed(&late, &["a"], &first, 1).await, ["2"]);
}

/// Such a limit removes events without a trace, so subscribers would miss them without a `reset`.
#[tokio::test]
async fn a_limit_for_each_subject_is_refused() {
    let nats = Nats::start().unwrap();
    let config = stream::Config {
        subjects: vec!["sse.events".to_owned(), "sse.events.>".to_owned()],
        max_messages_per_subject: 10,
        ..support::stream_config()
    };
    nats.client().await.create_stream(config).await.unwrap();
    let error = nats.node().publish((topic(), Event::new("x"))).await;
    let error = support::chain(&error.unwrap_err());
    assert!(error.contains("max_msgs_per_subject"), "{error}");
}

/// A NATS client that may publish on the subject of one topic cannot publish events of another topic.
#[tokio::test]
async fn the_subject_must_match_the_topic() {
    let nats = Nats::start().unwrap();
    let node = nats.node();
    let first = publish(&node, 0..1).await.remove(0);
    let mut live = support::all(&node, Some(&first));
    let client = nats.client().await;
    for (subject, topics) in [
        ("sse.events.mine", "yours"),
        ("sse.events.mine", "mine,yours"),
        ("sse.events.yours.not", "yours"),
        ("sse.events.mine", "mine"),
        ("sse.events", "yours"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("Sse-Topics", topics);
        let payload = format!("data: {subject} {topics}\n\n");
        let sent = client.publish_with_headers(subject, headers, payload.into());
        sent.await.unwrap().await.unwrap();
    }
    let expected = ["sse.events.mine mine", "sse.events yours"];
    assert_eq!(texts(&mut live, 2).await, expected);
    let late = late_node(&nats).await;
    let mut replayed = support::all(&late, Some(&first));
    assert_eq!(texts(&mut replayed, 2).await, expected);
    publish(&node, 1..2).await;
    for events in [&mut live, &mut replayed] {
        assert_eq!(next(events).await.data(), "1");
    }
}

/// The last event that was there when the client came is deleted before its replay begins, and others follow.
#[tokio::test]
async fn a_replay_ends_at_the_event_where_it_was_to_end() {
    let nats = Nats::start().unwrap();
    let node = nats.node();
    let first = publish_to(&node, ["first"], "").await;
    let ids = publish(&node, 0..5).await;
    let late = late_node(&nats).await;
    let mut subscriptions = Vec::new();
    for patterns in [["**", "none"], ["news", "none"]] {
        let filters = TopicFilters::from_patterns(patterns).unwrap();
        subscriptions.push(late.subscribe(filters, Some(&first)).unwrap());
    }
    let stream = nats.client().await.get_stream("sse").await.unwrap();
    let deleted = stream.delete_message(support::sequence(&ids[4])).await;
    assert!(deleted.unwrap());
    publish(&node, 5..7).await;
    for subscription in subscriptions {
        let data = texts(&mut subscription.events(), 6).await;
        assert_eq!(data, ["0", "1", "2", "3", "5", "6"]);
    }
}
