//! Tests that publishers and subscribers can distinguish permanent refusals of NATS from temporary failures.

mod support;

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::stream;
use futures_util::StreamExt as _;
use sse_hub::{BackendErrorKind, Hub, PublishError, Retention, Topic, TopicFilters};
use sse_hub_nats::{JetStream, NatsConfig};
use sse_proto::{Event, EventId};
use support::{
    Nats, Nodes, chain, connected, next, numbers, publish, texts, topic, with_test_timeout,
};
use testkit::timeout::test_timeout;
use tokio::time::{sleep, timeout};

/// Returns the configuration of a server with the user `all`, without restrictions, and the user `some`, with these
/// permissions.
fn server(permissions: &str) -> String {
    format!(
        r#"
        accounts {{ A {{
            jetstream: enabled
            users: [
                {{ user: "all", password: "1" }}
                {{ user: "some", password: "2", permissions: {{ {permissions} }} }}
            ]
        }} }}"#
    )
}

/// Creates a node that connects as this user.
fn node(nats: &Nats, user: &str) -> Hub {
    let addresses = format!("nats://{user}@127.0.0.1:{}", nats.port());
    let stream = JetStream::new(addresses, with_test_timeout()).unwrap();
    // The node keeps few events, so it must request earlier ones from NATS.
    let config = sse_hub::HubConfig::new().retention(Retention::new().events(2));
    let (hub, follow) = Hub::with_backend(config, Arc::new(stream));
    tokio::spawn(follow);
    hub
}

/// Returns the refusal of an event. It must come long before the timeout for publishing.
async fn refusal(hub: &Hub, data: usize) -> (BackendErrorKind, String) {
    let event = Event::new("x".repeat(data));
    let published = timeout(test_timeout() / 2, hub.publish((topic(), event))).await;
    match published.expect("the refusal comes at once") {
        Err(PublishError::Backend(error)) => (error.kind(), chain(&error)),
        other => panic!("{other:?}"),
    }
}

/// Waits until a node knows that it is refused.
async fn is_refused(hub: &Hub) {
    let refused = async {
        while hub.disconnection().map(|error| error.kind()) != Some(BackendErrorKind::Refused) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = timeout(test_timeout(), refused).await;
    waited.unwrap_or_else(|_| panic!("{:?}", hub.disconnection()));
}

/// Returns the types and data of the events that a subscriber gets until its stream ends.
async fn until_end(hub: &Hub, last_event_id: Option<&EventId>) -> Vec<(String, String)> {
    let subscription = hub.subscribe(TopicFilters::all(), last_event_id).unwrap();
    let events = subscription.events();
    let events = events.map(|event| (event.event_type().to_owned(), event.data().to_owned()));
    timeout(test_timeout(), events.collect())
        .await
        .expect("stream ends before the timeout")
}

fn reset() -> (String, String) {
    ("reset".to_owned(), r#"{"reason":"unavailable"}"#.to_owned())
}

#[tokio::test]
async fn an_event_that_is_too_large_for_the_server() {
    let nats = Nats::configured("max_payload: 65536").unwrap();
    let node = nats.node();
    publish(&node, 0..1).await;
    let (kind, error) = refusal(&node, 70_000).await;
    assert_eq!(kind, BackendErrorKind::TooLarge, "{error}");
    publish(&node, 1..2).await;
}

#[tokio::test]
async fn an_event_that_is_too_large_for_the_stream() {
    let nats = Nats::start().unwrap();
    let config = stream::Config {
        max_message_size: 1000,
        ..support::stream_config()
    };
    nats.client().await.create_stream(config).await.unwrap();
    let node = nats.node();
    let (kind, error) = refusal(&node, 2000).await;
    assert_eq!(kind, BackendErrorKind::TooLarge, "{error}");
    publish(&node, 0..1).await;
}

#[tokio::test]
async fn a_stream_that_is_full() {
    let nats = Nats::start().unwrap();
    let config = stream::Config {
        max_messages: 1,
        discard: stream::DiscardPolicy::New,
        ..support::stream_config()
    };
    nats.client().await.create_stream(config).await.unwrap();
    let node = nats.node();
    publish(&node, 0..1).await;
    let (kind, error) = refusal(&node, 1).await;
    assert_eq!(kind, BackendErrorKind::Refused, "{error}");
}

#[tokio::test]
async fn a_publisher_without_permission() {
    for permissions in [
        r#"publish: { deny: "sse.events.news" }"#,
        r#"publish: { allow: "nothing" }"#,
        // This publisher gets no answers.
        r#"subscribe: { deny: "_INBOX.>" }"#,
    ] {
        let nats = Nats::configured(&server(permissions)).unwrap();
        publish(&node(&nats, "all:1"), 0..1).await;
        let refused = node(&nats, "some:2");
        let (kind, error) = refusal(&refused, 1).await;
        assert_eq!(kind, BackendErrorKind::Refused, "{permissions}: {error}");
        assert!(error.contains("ermission"), "{permissions}: {error}");
    }
}

#[tokio::test]
async fn a_stream_that_may_not_be_created() {
    for permissions in [
        r#"publish: { deny: "$JS.API.STREAM.CREATE.>" }"#,
        r#"publish: { deny: "$JS.API.>" }"#,
    ] {
        let nats = Nats::configured(&server(permissions)).unwrap();
        let refused = node(&nats, "some:2");
        let (kind, error) = refusal(&refused, 1).await;
        assert_eq!(kind, BackendErrorKind::Refused, "{permissions}: {error}");
        is_refused(&refused).await;
        assert_eq!(until_end(&refused, None).await, [reset()]);
    }
}

#[tokio::test]
async fn a_node_that_may_not_read() {
    for permissions in [
        r#"publish: { deny: "$JS.API.CONSUMER.CREATE.>" }"#,
        r#"publish: { deny: "$JS.API.CONSUMER.MSG.NEXT.>" }"#,
        r#"publish: { deny: "$JS.API.STREAM.INFO.>" }"#,
        r#"subscribe: { deny: "_INBOX.>" }"#,
    ] {
        let nats = Nats::configured(&server(permissions)).unwrap();
        let first = publish(&node(&nats, "all:1"), 0..5).await.remove(0);
        let refused = node(&nats, "some:2");
        is_refused(&refused).await;
        // Only a node that cannot get the state of the stream resets all its subscribers.
        let subscription = refused
            .subscribe(TopicFilters::all(), Some(&first))
            .unwrap();
        if permissions.contains("INFO") || permissions.contains("INBOX") {
            drop(subscription);
            assert_eq!(until_end(&refused, Some(&first)).await, [reset()]);
            assert_eq!(until_end(&refused, None).await, [reset()]);
            let failed = refused.stats().failed_replays;
            assert_eq!(failed, 2, "{permissions}");
        }
    }
}

/// The node itself uses the only consumer that the stream allows.
#[tokio::test]
async fn a_replay_without_a_consumer() {
    let nats = Nats::start().unwrap();
    let config = stream::Config {
        max_consumers: 1,
        ..support::stream_config()
    };
    nats.client().await.create_stream(config).await.unwrap();
    let small = Retention::new().events(2);
    let node = nats.node_with(with_test_timeout(), small);
    connected(&node, true).await;
    let ids = publish(&node, 0..5).await;
    let is_here = timeout(test_timeout(), async {
        while node.latest_id().as_ref() != ids.last() {
            sleep(Duration::from_millis(10)).await;
        }
    });
    is_here.await.expect("the node receives all events");
    let first = &ids[0];
    let mut events = node
        .subscribe(TopicFilters::all(), Some(first))
        .unwrap()
        .events();
    let event = next(&mut events).await;
    assert_eq!(
        (event.event_type().to_owned(), event.data().to_owned()),
        reset()
    );
    let failure = node.replay_failure().expect("a replay failure");
    assert_eq!(failure.kind(), BackendErrorKind::Refused);
    assert!(chain(&failure).contains("consumer"), "{}", chain(&failure));
    assert_eq!(node.stats().failed_replays, 1);
    assert!(node.is_connected());
    // The subscriber gets the events from now on.
    publish(&node, 5..7).await;
    assert_eq!(texts(&mut events, 2).await, numbers(5..7));
}

/// The operator changes the configuration and restarts the server.
#[tokio::test]
async fn refused_operations_continue_when_they_are_permitted() {
    for permissions in [
        r#"publish: { deny: "$JS.API.CONSUMER.CREATE.>" }"#,
        r#"subscribe: { deny: "_INBOX.>" }"#,
    ] {
        let mut nats = Nats::configured(&server(permissions)).unwrap();
        let first = publish(&node(&nats, "all:1"), 0..1).await.remove(0);
        let refused = node(&nats, "some:2");
        is_refused(&refused).await;
        nats.reload(&server("")).unwrap();
        connected(&refused, true).await;
        let mut events = refused
            .subscribe(TopicFilters::all(), Some(&first))
            .unwrap()
            .events();
        publish(&refused, 1..2).await;
        assert_eq!(texts(&mut events, 1).await, numbers(1..2));
        assert!(refused.disconnection().is_none());
    }
}

#[tokio::test]
async fn a_stream_of_another_domain() {
    let nats = Nats::configured(r#"jetstream { domain: "hub" }"#).unwrap();
    for (domain, is_there) in [("hub", true), ("elsewhere", false)] {
        let config = match is_there {
            true => with_test_timeout(),
            false => NatsConfig::new().publish_timeout(Duration::from_secs(2)),
        };
        let stream = JetStream::new(nats.url(), config.domain(domain)).unwrap();
        let (hub, _follow) = Hub::with_backend(sse_hub::HubConfig::new(), Arc::new(stream));
        let published = hub
            .publish((Topic::new("a").unwrap(), Event::new("x")))
            .await;
        assert_eq!(published.is_ok(), is_there, "{domain}: {published:?}");
    }
    for domain in ["", "a.b", "*", "a b"] {
        let config = NatsConfig::new().domain(domain);
        assert!(JetStream::new(nats.url(), config).is_err(), "{domain:?}");
    }
}
