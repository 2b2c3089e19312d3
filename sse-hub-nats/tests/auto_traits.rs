//! Checks that public types can be moved to other threads and shared, and that the errors have texts without causes.

use std::error::Error;

use sse_hub_nats::{InvalidConfig, JetStream, NatsConfig};

fn check<T: Send + Sync + Unpin>() {}

#[test]
fn all_types_are_send_sync_and_unpin() {
    check::<InvalidConfig>();
    check::<JetStream>();
    check::<NatsConfig>();
}

#[test]
fn errors_of_the_configuration_have_one_level() {
    let long = "x".repeat(256);
    for (address, config, text) in [
        ("", NatsConfig::new(), "NATS address 1: no host"),
        (
            "a,nats://a/b",
            NatsConfig::new(),
            "NATS address 2: address has more than a user, a host and a port",
        ),
        (
            "a",
            NatsConfig::new().stream(&*long),
            "stream is 256 bytes, limit is 255",
        ),
        (
            "a",
            NatsConfig::new().subject("a b"),
            "subject \"a b\" contains ' '",
        ),
        (
            "a",
            NatsConfig::new().domain("a.b"),
            "domain \"a.b\" contains '.'",
        ),
    ] {
        let error = JetStream::new(address, config).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(error.source().is_none());
    }
}
