//! Tests that a hub refuses the same events from NATS as from its publishers.

mod support;

use std::{sync::Arc, time::Duration};

use async_nats::{HeaderMap, jetstream::Context};
use sse_hub::{Hub, Retention};
use sse_hub_nats::NatsConfig;
use support::{Nats, Nodes, all, connected, next, publish};

const MAX_EVENT_BYTES: usize = 50_000;

async fn send(client: &Context, key: Option<&str>, payload: &str) {
    let mut headers = HeaderMap::new();
    headers.insert("Sse-Topics", "news");
    if let Some(key) = key {
        headers.insert("Sse-Key", key);
    }
    let sent = client.publish_with_headers("sse.events", headers, payload.to_owned().into());
    sent.await.unwrap().await.unwrap();
}

fn node(nats: &Nats, events: usize) -> Hub {
    let mut retention = Retention::default();
    retention.events = events;
    let config = sse_hub::HubConfig::new()
        .max_event_bytes(MAX_EVENT_BYTES)
        .retention(retention);
    let (hub, follow) = Hub::with_backend(config, Arc::new(nats.stream(NatsConfig::default())));
    tokio::spawn(follow);
    hub
}

#[tokio::test]
async fn live_and_replayed_events_are_checked() {
    let nats = Nats::start().unwrap();
    let hub = node(&nats, 100);
    let first = publish(&hub, 0..1).await.remove(0);
    let mut live = all(&hub, Some(&first));
    let client = nats.client().await;
    let long = "x".repeat(100_000);
    let hour = Duration::from_secs(3600).as_millis();
    let refused = [
        (
            None,
            "event: reset\ndata: {\"reason\":\"too old\"}\n\n".to_owned(),
        ),
        (None, "event: lagged\ndata: {\"behind\":1}\n\n".to_owned()),
        (None, "event: denied\ndata: x\n\n".to_owned()),
        (None, "event: error\ndata: x\n\n".to_owned()),
        (None, "event: open\ndata: x\n\n".to_owned()),
        (None, format!("retry: {}\ndata: x\n\n", u64::MAX)),
        (None, format!("retry: {}\ndata: x\n\n", hour + 1)),
        (None, format!("event: {long}\ndata: x\n\n")),
        (None, format!("event: {}\ndata: x\n\n", &long[..257])),
        (Some(&long[..60_000]), "data: x\n\n".to_owned()),
        (Some(&long[..257]), "data: x\n\n".to_owned()),
        (None, format!("data: {}\n\n", &long[..=MAX_EVENT_BYTES])),
    ];
    let count = refused.len() as u64;
    for (key, payload) in &refused {
        send(&client, *key, payload).await;
    }
    send(
        &client,
        Some(&long[..256]),
        &format!("data: {}\n\n", &long[..256]),
    )
    .await;
    send(
        &client,
        None,
        &format!("event: {}\nretry: {hour}\ndata: end\n\n", &long[..256]),
    )
    .await;
    let other = node(&nats, 1);
    connected(&other, true).await;
    let mut replayed = all(&other, Some(&first));
    for events in [&mut live, &mut replayed] {
        let (one, two) = (next(events).await, next(events).await);
        assert_eq!((one.event_type(), one.data()), ("message", &long[..256]));
        assert_eq!((two.event_type(), two.data()), (&long[..256], "end"));
        // The refused events have sequences of the stream, too.
        let sequence = support::sequence;
        assert_eq!(sequence(one.id().unwrap()), sequence(&first) + count + 1);
    }
    assert_eq!(hub.latest_id(), other.latest_id());
    assert_eq!((hub.stats().refused, other.stats().refused), (count, count));
}
