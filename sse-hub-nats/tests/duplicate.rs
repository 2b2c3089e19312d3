//! Tests with acknowledgements that report a message as a duplicate.

mod support;

use async_nats::HeaderMap;
use sse_hub::Retention;
use sse_hub_nats::NatsConfig;
use sse_proto::Event;
use support::{Nats, Nodes, all, connected, next, topic};

/// Sets the random seed of this thread, and returns the ID that the next message gets.
fn next_id() -> String {
    fastrand::seed(42);
    let id = format!("{:032x}", fastrand::u128(..));
    fastrand::seed(42);
    id
}

/// Publishes a message with the ID of the next event. Returns its sequence.
async fn stored(nats: &Nats, topics: &str, payload: &str) -> u64 {
    let client = nats.client().await;
    let mut headers = HeaderMap::new();
    headers.insert("Sse-Topics", topics);
    headers.insert("Nats-Msg-Id", &*next_id());
    let sent = client.publish_with_headers("sse.events", headers, payload.to_owned().into());
    sent.await.unwrap().await.unwrap().sequence
}

#[tokio::test]
async fn an_event_is_not_lost_if_its_message_id_is_taken() {
    let nats = Nats::start().unwrap();
    let node = nats.node_with(NatsConfig::default(), Retention::default());
    connected(&node, true).await;
    let mut events = all(&node, None);
    let taken = stored(&nats, "news", "data: not this one\n\n").await;
    assert_eq!(next(&mut events).await.data(), "not this one");
    next_id();
    let id = node
        .publish((topic(), Event::new("this one")))
        .await
        .unwrap();
    assert_ne!(id.as_str(), taken.to_string());
    let event = next(&mut events).await;
    assert_eq!((event.data(), event.id()), ("this one", Some(&id)));
}

#[tokio::test]
async fn an_earlier_attempt_is_not_published_again() {
    let nats = Nats::start().unwrap();
    let node = nats.node();
    connected(&node, true).await;
    let mut events = all(&node, None);
    // This message stands for an attempt whose acknowledgement was lost.
    let sequence = stored(&nats, "news", "data: once\n\n").await;
    next_id();
    let id = node.publish((topic(), Event::new("once"))).await.unwrap();
    assert_eq!(support::sequence(&id), sequence);
    node.publish((topic(), Event::new("next"))).await.unwrap();
    assert_eq!(next(&mut events).await.data(), "once");
    assert_eq!(next(&mut events).await.data(), "next");
}
