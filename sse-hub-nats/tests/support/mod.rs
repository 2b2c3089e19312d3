//! Helpers for tests with hubs over a NATS server.
#![allow(dead_code, reason = "not every test uses all helpers")]

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use async_nats::jetstream::stream::Config;
use futures_util::StreamExt as _;
use sse_hub::{Events, Hub, Retention, TopicFilters};
use sse_hub_nats::{JetStream, NatsConfig};
use sse_proto::{Event, EventId};
use testkit::hub_id::HubId;
pub(crate) use testkit::{nats::Nats, timeout::test_timeout};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Constructors for nodes and clients of a NATS server.
pub(crate) trait Nodes {
    /// Creates a backend.
    fn stream(&self, config: NatsConfig) -> JetStream;

    /// Creates a node: a hub with its own connection.
    fn node(&self) -> Hub {
        self.node_with(with_test_timeout(), Retention::default())
    }

    fn node_with(&self, config: NatsConfig, retention: Retention) -> Hub {
        let hub_config = sse_hub::HubConfig::new().retention(retention);
        let stream = Arc::new(self.stream(config));
        let (hub, follow) = Hub::with_backend(hub_config, stream);
        tokio::spawn(follow);
        hub
    }

    /// Creates a NATS client, for operations that a hub does not do.
    async fn client(&self) -> async_nats::jetstream::Context;
}

impl Nodes for Nats {
    fn stream(&self, config: NatsConfig) -> JetStream {
        JetStream::new(self.url(), config).unwrap()
    }

    async fn client(&self) -> async_nats::jetstream::Context {
        let client = async_nats::connect(self.url()).await;
        async_nats::jetstream::new(client.unwrap())
    }
}

/// Configuration of a stream that was made by hand, with one subject.
pub(crate) fn stream_config() -> Config {
    Config {
        name: "sse".to_owned(),
        subjects: vec!["sse.events".to_owned()],
        ..Config::default()
    }
}

/// Creates a configuration with a long timeout for publishing, so that a slow machine does not break the test.
pub(crate) fn with_test_timeout() -> NatsConfig {
    NatsConfig::default().publish_timeout(test_timeout())
}

/// Waits until a hub is connected or disconnected.
pub(crate) async fn connected(hub: &Hub, is_connected: bool) {
    let wait = async {
        while hub.is_connected() != is_connected {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(test_timeout(), wait).await;
    waited.unwrap_or_else(|_| panic!("is_connected does not become {is_connected}"));
}

/// Subscribes to all topics.
pub(crate) fn all(hub: &Hub, after: Option<&EventId>) -> Events {
    hub.subscribe(TopicFilters::all(), after).unwrap().events()
}

/// Waits for the next event.
pub(crate) async fn next(events: &mut Events) -> Event {
    let event = timeout(test_timeout(), events.next()).await;
    event
        .expect("an event before the timeout")
        .expect("stream does not end")
}

/// Reads this number of events, and returns their data.
pub(crate) async fn texts(events: &mut Events, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(next(events).await.data().to_owned());
    }
    texts
}

pub(crate) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Returns the sequence of an event, from its ID.
pub(crate) fn sequence(id: &EventId) -> u64 {
    HubId::parse(id.as_str()).unwrap().number()
}

/// Publishes an event for each number.
pub(crate) async fn publish(hub: &Hub, range: std::ops::Range<usize>) -> Vec<EventId> {
    let mut ids = Vec::new();
    for number in range {
        ids.push(
            hub.publish((topic(), Event::new(number.to_string())))
                .await
                .unwrap(),
        );
    }
    ids
}

/// Spawns a reader on each hub, which reads all events after the first one. Each reader renews its subscription after
/// `at_once` events, so that there are events to replay.
pub(crate) fn read_all(
    hubs: [&Hub; 2],
    first: &EventId,
    events: usize,
    at_once: usize,
) -> Vec<JoinHandle<()>> {
    let read = |hub: &Hub| {
        let (hub, mut last) = (hub.clone(), first.clone());
        tokio::spawn(async move {
            let mut got = Vec::new();
            while got.len() < events - 1 {
                let mut following = all(&hub, Some(&last));
                for _ in 0..at_once.min(events - 1 - got.len()) {
                    let event = next(&mut following).await;
                    last = event.id().unwrap().clone();
                    got.push(event.data().to_owned());
                }
                drop(following);
                sleep(Duration::from_millis(100)).await;
            }
            assert_eq!(got, numbers(1..events));
        })
    };
    hubs.map(read).into()
}

pub(crate) fn topic() -> sse_hub::Topic {
    sse_hub::Topic::new("news").unwrap()
}

/// Returns the text of an error with all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Publishes a message with these bytes as headers, which a client would not send.
pub(crate) async fn publish_raw(nats: &Nats, subject: &str, headers: &[u8], payload: &[u8]) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    let mut connection = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, nats.port()))
        .await
        .unwrap();
    let (size, total) = (headers.len(), headers.len() + payload.len());
    let connect = "CONNECT {\"verbose\":false,\"headers\":true}\r\n";
    let mut message = format!("{connect}HPUB {subject} {size} {total}\r\n").into_bytes();
    message.extend_from_slice(headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(b"\r\nPING\r\n");
    connection.write_all(&message).await.unwrap();
    let mut lines = BufReader::new(connection).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        assert!(!line.starts_with("-ERR"), "{line}");
        if line == "PONG" {
            return;
        }
    }
    panic!("no PONG");
}
