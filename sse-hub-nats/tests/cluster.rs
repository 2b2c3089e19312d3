//! Tests with a cluster of three NATS servers, one of which is killed at a time.

mod support;

use std::{sync::Arc, time::Duration};

use sse_hub::{Hub, Retention};
use sse_hub_nats::{JetStream, NatsConfig};
use support::{Nats, Nodes, connected, publish, read_all, test_timeout};
use tokio::time::{sleep, timeout};

const EVENTS: usize = 1500;

#[tokio::test]
async fn no_event_is_lost_when_the_leader_is_killed() {
    let mut cluster = Nats::cluster().unwrap();
    let urls = cluster.iter().map(Nats::url).collect::<Vec<_>>().join(",");
    let config = NatsConfig::new()
        .replicas(3)
        .publish_timeout(test_timeout());
    let node = |kept| {
        let mut retention = Retention::default();
        retention.events = kept;
        let stream = JetStream::new(&urls, config.clone()).unwrap();
        let config = sse_hub::HubConfig::new().retention(retention);
        let (hub, follow) = Hub::with_backend(config, Arc::new(stream));
        tokio::spawn(follow);
        hub
    };
    let (a, b) = (node(10_000), node(100));
    connected(&a, true).await;
    connected(&b, true).await;
    let first = publish(&a, 0..1).await.remove(0);
    let publisher = tokio::spawn({
        let a = a.clone();
        async move { publish(&a, 1..EVENTS).await }
    });
    let readers = read_all([&a, &b], &first, EVENTS, 400);
    for _ in 0..2 {
        sleep(Duration::from_millis(300)).await;
        let leader = leader(&cluster).await;
        cluster[leader].kill();
        sleep(Duration::from_secs(1)).await;
        cluster[leader].up().unwrap();
        connected(&a, true).await;
        connected(&b, true).await;
    }
    timeout(test_timeout(), publisher).await.unwrap().unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!((a.stats().resets, b.stats().resets), (0, 0));
}

/// Returns the index of the server that leads the stream.
async fn leader(cluster: &[Nats]) -> usize {
    let find = async {
        loop {
            for nats in cluster {
                let client = nats.client().await;
                let Ok(stream) = client.get_stream("sse").await else {
                    continue;
                };
                let cluster = stream.cached_info().cluster.as_ref();
                if let Some(leader) = cluster.and_then(|cluster| cluster.leader.clone()) {
                    return leader;
                }
            }
        }
    };
    let leader = timeout(test_timeout(), find)
        .await
        .expect("a leader before the timeout");
    let names = cluster.iter().map(Nats::name);
    names.into_iter().position(|name| name == leader).unwrap()
}
