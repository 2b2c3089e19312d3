//! Tests with NATS servers that require credentials, and clients with credentials in the address or in the options.

mod support;

use std::{sync::Arc, time::Duration};

use async_nats::ConnectOptions;
use sse_hub::{Hub, PublishError};
use sse_hub_nats::{JetStream, NatsConfig};
use sse_proto::{Event, EventId};
use support::{Nats, chain, topic};
use testkit::timeout::test_timeout;

/// Publishes one event over these addresses.
async fn publish(
    addresses: &str,
    limit: Duration,
    options: impl Fn() -> ConnectOptions + Send + Sync + 'static,
) -> Result<EventId, PublishError> {
    let config = NatsConfig::new().publish_timeout(limit);
    let stream = JetStream::with_options(addresses, config, options).unwrap();
    let (hub, _follow) = Hub::with_backend(sse_hub::HubConfig::default(), Arc::new(stream));
    hub.publish((topic(), Event::new("x"))).await
}

async fn is_accepted(addresses: &str) {
    let published = publish(addresses, test_timeout(), ConnectOptions::new).await;
    assert!(published.is_ok(), "{addresses}: {published:?}");
}

/// Asserts that publishing fails. The timeout is long enough for several refused attempts. A slow machine cannot break
/// this test, because the attempts are refused at any time.
async fn is_refused(addresses: &str) {
    let published = publish(addresses, Duration::from_secs(1), ConnectOptions::new).await;
    let error = published.expect_err(addresses);
    assert!(!chain(&error).contains("wr0ng"), "{}", chain(&error));
}

#[tokio::test]
async fn user_and_password_stand_in_the_address() {
    let nats = Nats::configured(r#"authorization { user: "me", password: "s3cret" }"#).unwrap();
    let at = |user: &str| format!("nats://{user}127.0.0.1:{}", nats.port());
    is_accepted(&at("me:s3cret@")).await;
    for wrong in ["", "me:wr0ng@", "you:s3cret@", "s3cret@"] {
        is_refused(&at(wrong)).await;
    }
}

#[tokio::test]
async fn a_token_stands_in_the_address() {
    let nats = Nats::configured(r#"authorization { token: "t0ken" }"#).unwrap();
    let at = |user: &str| format!("nats://{user}127.0.0.1:{}", nats.port());
    is_accepted(&at("t0ken@")).await;
    for wrong in ["", "wr0ng@", "t0ken:wr0ng@"] {
        is_refused(&at(wrong)).await;
    }
}

#[tokio::test]
async fn other_characters_are_percent_encoded() {
    let config = r#"authorization { users: [{ user: "m@e:/ü", password: "%p,w?#" }] }"#;
    let nats = Nats::configured(config).unwrap();
    let at = |user: &str| format!("nats://{user}@127.0.0.1:{}", nats.port());
    is_accepted(&at("m%40e%3A%2F%C3%BC:%25p%2Cw%3F%23")).await;
    is_refused(&at("m%40e%3A%2F%C3%BC:%2525p%2Cw%3F%23")).await;
}

#[tokio::test]
async fn each_address_has_credentials_of_its_own() {
    let configs = [
        r#"authorization { user: "one", password: "1" }"#,
        r#"authorization { token: "two" }"#,
        "",
    ];
    // For each server that is running, its own credentials are used.
    for there in 0..3 {
        let mut servers = configs.map(|config| Nats::configured(config).unwrap());
        let ports = [0, 1, 2].map(|index: usize| servers[index].port());
        for (number, nats) in servers.iter_mut().enumerate() {
            if number != there {
                nats.kill();
            }
        }
        let [one, two, three] = ports;
        is_accepted(&format!(
            "nats://one:1@127.0.0.1:{one}, nats://two@127.0.0.1:{two},127.0.0.1:{three}"
        ))
        .await;
        if there < 2 {
            is_refused(&format!(
                "nats://two@127.0.0.1:{one}, nats://one:1@127.0.0.1:{two},127.0.0.1:{three}"
            ))
            .await;
        }
    }
}

#[tokio::test]
async fn each_account_has_a_stream_of_its_own() {
    let config = r#"
        accounts {
            A { jetstream: enabled, users: [{ user: "a", password: "1" }] }
            B { jetstream: enabled, users: [{ user: "b", password: "2" }] }
        }"#;
    let nats = Nats::configured(config).unwrap();
    let at = |user: &str| format!("nats://{user}@127.0.0.1:{}", nats.port());
    is_accepted(&at("a:1")).await;
    is_accepted(&at("b:2")).await;
    is_refused(&at("a:2")).await;
    let client = |user: &str, password: &str| {
        ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
            .connect(nats.url())
    };
    for (user, password) in [("a", "1"), ("b", "2")] {
        let client = client(user, password).await.unwrap();
        let context = async_nats::jetstream::new(client);
        let stream = context.get_stream("sse").await.unwrap();
        assert_eq!(stream.cached_info().state.messages, 1, "{user}");
    }
}
