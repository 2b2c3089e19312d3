//! Tests with settings of 0, 1 and the maximum: no setting panics, and an impossible one returns an error.

mod support;

use std::time::Duration;

use sse_hub::{PublishError, Retention};
use sse_hub_nats::NatsConfig;
use sse_proto::Event;
use support::{Nats, Nodes, chain, topic};

async fn publish(nats: &Nats, config: NatsConfig) -> Result<(), PublishError> {
    let node = nats.node_with(config, Retention::default());
    node.publish((topic(), Event::new("x"))).await.map(drop)
}

#[tokio::test]
async fn settings_of_the_stream() {
    let nats = Nats::start().unwrap();
    let client = nats.client().await;
    let second = Duration::from_secs(1);
    let all = [
        // NATS takes 0 for "no limit".
        (NatsConfig::new().max_events(0), true),
        (NatsConfig::new().max_events(1), true),
        (NatsConfig::new().max_events(u64::MAX), true),
        (NatsConfig::new().max_events(None), true),
        (NatsConfig::new().max_bytes(0), true),
        (NatsConfig::new().max_bytes(1), true),
        (NatsConfig::new().max_bytes(None), true),
        (NatsConfig::new().max_age(Duration::ZERO), true),
        (NatsConfig::new().max_age(second), true),
        (NatsConfig::new().max_age(Duration::MAX), true),
        (NatsConfig::new().max_age(None), true),
        (NatsConfig::new().replicas(0), true),
        (NatsConfig::new().replicas(1), true),
        (NatsConfig::new().replicas(usize::MAX), false),
        (NatsConfig::new().in_memory(true), true),
    ];
    // NATS accepts these or not, depending on its version and the disk.
    let odd = [
        NatsConfig::new().max_age(Duration::from_nanos(1)),
        NatsConfig::new().max_bytes(u64::MAX),
    ];
    for (config, stream) in odd.into_iter().zip(["short", "large"]) {
        let config = config.stream(stream).publish_timeout(second);
        let _ = publish(&nats, config).await;
        let _ = client.delete_stream(stream).await;
    }
    for (number, (config, is_possible)) in (1..).zip(all) {
        // Each case has its own stream, because the previous node may create its stream again.
        let stream = format!("case-{number}");
        let config = config.stream(&*stream);
        let text = format!("{config:?}");
        let limit = match is_possible {
            true => testkit::timeout::test_timeout(),
            false => second,
        };
        let published = publish(&nats, config.publish_timeout(limit)).await;
        assert_eq!(published.is_ok(), is_possible, "{text}: {published:?}");
        // The stream reserves its maximum size, so it is deleted.
        let _ = client.delete_stream(&stream).await;
    }
}

#[tokio::test]
async fn publish_timeouts() {
    let nats = Nats::start().unwrap();
    for limit in [Duration::ZERO, Duration::from_nanos(1)] {
        let published = publish(&nats, NatsConfig::new().publish_timeout(limit)).await;
        let error = chain(&published.unwrap_err());
        assert!(error.contains("publishing timed out after"), "{error}");
    }
    let ages = [None, Some(Duration::ZERO), Some(Duration::MAX)];
    for (number, age) in (1..).zip(ages) {
        // Each case has its own stream, because the previous node may create its stream again.
        let config = NatsConfig::new().stream(format!("case-{number}"));
        let config = config.publish_timeout(Duration::MAX);
        let published = publish(&nats, config.max_age(age)).await;
        assert!(published.is_ok(), "{age:?}: {published:?}");
    }
}

#[tokio::test]
async fn names() {
    for name in [String::new(), "x".repeat(1 << 20)] {
        for config in [
            NatsConfig::new().stream(name.clone()),
            NatsConfig::new().subject(name),
        ] {
            let made = sse_hub_nats::JetStream::new("localhost", config);
            assert!(made.is_err());
        }
    }
    assert!(sse_hub_nats::JetStream::new("", NatsConfig::new()).is_err());
}
