//! Several hubs over one NATS. These tests need `nats-server`, from Debian's package of that name.
#![cfg(feature = "nats")]

mod support;

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sse_hub_nats::async_nats::{self, jetstream};
use support::{
    hub::Hub,
    mercure::{MercureHub, PATH, token},
    run, sse,
};
use testkit::{nats::Nats, timeout::test_timeout};
use tokio::time::{sleep, timeout};

fn hub_over(nats: &Nats) -> Hub {
    Hub::start([&format!("--nats={}", nats.url())])
}

async fn becomes(hub: &Hub, status: u16) {
    let waiting = timeout(test_timeout(), async {
        while hub.get("/healthz").await.status != status {
            sleep(Duration::from_millis(100)).await;
        }
    });
    waiting.await.expect("the status of /healthz changes");
}

#[tokio::test]
async fn each_hears_what_the_others_are_told() {
    let mut nats = Nats::down().unwrap();
    let (one, other) = (hub_over(&nats), hub_over(&nats));
    let reply = one.get("/healthz").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "10"));
    assert!(reply.text.starts_with("the backend is not connected"));
    assert_eq!(one.metric("sse_hub_backend_connected").await, 0);

    nats.up().unwrap();
    becomes(&one, 200).await;
    becomes(&other, 200).await;
    let mut follower = other.follow("topic=a/**").await;
    let first = one.news("a/b", "1\r\n2").await;
    assert_eq!(
        follower.event().await,
        ("message".into(), first.clone(), "1\n2".into())
    );
    let second = other.news("a/c", "3").await;
    assert_eq!(follower.event().await.1, second);
    let mut follower = one.follow(&format!("topic=a/c&lastEventId={first}")).await;
    assert_eq!(
        follower.event().await,
        ("message".into(), second.clone(), "3".into())
    );

    nats.kill();
    becomes(&one, 503).await;
    let reply = one.publish("?topic=a/c", "text/plain", "lost").await;
    assert_eq!(reply.status, 503);
    assert!(
        reply.text.starts_with("backend did not accept the event: "),
        "{}",
        reply.text
    );
    let mut late = other
        .follow(&format!("topic=a/c&lastEventId={first}"))
        .await;
    assert_eq!(late.data().await, "3");

    nats.up().unwrap();
    becomes(&one, 200).await;
    becomes(&other, 200).await;
    one.news("a/c", "4").await;
    assert_eq!(
        (follower.data().await, late.data().await),
        ("4".into(), "4".into())
    );
    // A hub that starts later gets all events from NATS.
    let third = hub_over(&nats);
    becomes(&third, 200).await;
    let mut follower = third
        .follow(&format!("topic=a/**&lastEventId={first}"))
        .await;
    assert_eq!(
        (follower.data().await, follower.data().await),
        ("3".into(), "4".into())
    );
}

#[test]
fn what_is_no_address_is_told() {
    for (options, code, reason) in [
        (
            ["--nats=nats://a b"].as_slice(),
            1,
            "--nats: NATS address 1: ",
        ),
        (
            &["--nats=a:1", "--nats-stream=a.b"],
            1,
            "--nats: stream \"a.b\" contains '.'",
        ),
        (&["--nats-stream=a"], 2, "--nats"),
    ] {
        let done = run(sse(["hub"]).args(options), "");
        assert_eq!((done.code, &*done.stdout), (Some(code), ""), "{options:?}");
        assert!(done.stderr.contains(reason), "{}", done.stderr);
    }
}

#[tokio::test]
async fn an_event_that_nats_does_not_take_is_too_large() {
    let nats = Nats::configured("max_payload: 65536").unwrap();
    let hub = hub_over(&nats);
    becomes(&hub, 200).await;
    let large = "x".repeat(70_000);
    let reply = hub.publish("?topic=a", "text/plain", large).await;
    assert_eq!(reply.status, 413, "{}", reply.text);
    assert!(reply.text.contains("max payload"), "{}", reply.text);
    hub.news("a", "small").await;
}

#[tokio::test]
async fn what_is_not_permitted_is_told() {
    let config = r#"authorization { users: [
        { user: "a", password: "1", permissions: { publish: { deny: ["sse.events.>", "$JS.API.CONSUMER.>"] } } }
    ] }"#;
    let nats = Nats::configured(config).unwrap();
    let address = format!("--nats=nats://a:1@127.0.0.1:{}", nats.port());
    let hub = Hub::start([&address]);
    let health = timeout(test_timeout(), async {
        loop {
            let health = hub.get("/healthz").await;
            if health.text.starts_with("the backend refuses") {
                break health;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(health.await.expect("a refusal in time").status, 503);
    let reply = hub.publish("?topic=a", "text/plain", "x").await;
    assert_eq!(reply.status, 502, "{}", reply.text);
    let reason = r#"Permissions Violation for Publish to "sse.events.a""#;
    assert!(reply.text.contains(reason), "{}", reply.text);
}

#[tokio::test]
async fn options_say_how_the_stream_is_made() {
    let nats = Nats::configured(r#"jetstream { domain: "hub" }"#).unwrap();
    let hub = Hub::start([
        &format!("--nats={}", nats.url()),
        "--nats-stream=mine",
        "--nats-domain=hub",
        "--nats-keep-events=17",
        "--nats-keep-bytes=100000",
        "--nats-keep-for=60",
        "--nats-in-memory",
    ]);
    becomes(&hub, 200).await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    let stream = jetstream::new(client).get_stream("mine").await.unwrap();
    let config = &stream.cached_info().config;
    assert_eq!(
        (config.max_messages, config.max_bytes, config.max_age),
        (17, 100_000, Duration::from_secs(60))
    );
    assert_eq!(config.storage, jetstream::stream::StorageType::Memory);
    // One server cannot have three replicas. The hub reports that at once.
    let replicas = Hub::start([
        &format!("--nats={}", nats.url()),
        "--nats-stream=other",
        "--nats-replicas=3",
    ]);
    let reply = replicas.publish("?topic=a", "text/plain", "x").await;
    assert_eq!(reply.status, 502, "{}", reply.text);
    assert!(reply.text.contains("replicas"), "{}", reply.text);
}

#[tokio::test]
async fn two_hubs_share_private_updates_and_ids_of_publishers() {
    let mut nats = Nats::down().unwrap();
    nats.up().unwrap();
    let option = format!("--nats={}", nats.url());
    let start = || MercureHub::start([&option, "--mercure-anonymous", "--keep-events=2"]);
    let (one, other) = (start(), start());
    becomes(&one.hub, 200).await;
    becomes(&other.hub, 200).await;
    let reader = token(
        &["subscribe"],
        json!([{"match": "https://example.com/a*b"}]),
    );
    let query = "match=https://example.com/a*b&match_urlpattern=https://example.com/:id";
    let mut live = other.follow(query, Some(&reader)).await;
    let mut anonymous = other.follow(query, None).await;
    let topic = ("topic", "https://example.com/a*b");
    // Its subject in NATS would be too long.
    let long = "é".repeat(400);
    one.update(&[
        topic,
        ("topic", &long),
        ("data", "1"),
        ("id", "urn:é"),
        ("private", "on"),
    ])
    .await;
    one.update(&[topic, ("data", "2"), ("type", "reset")]).await;
    one.update(&[("topic", &long), ("data", "long")]).await;
    for id in ["urn:3", "urn:4"] {
        one.update(&[topic, ("data", id), ("id", id)]).await;
    }
    assert_eq!(
        live.event().await,
        ("message".into(), "urn:é".into(), "1".into())
    );
    assert_eq!(live.event().await.2, "2");
    assert_eq!(anonymous.event().await.2, "2");
    // Events that left the memory of the hub come from NATS, by the ID of the hub and from the start.
    let mut replayed = other
        .follow(&format!("{query}&last_event_id=earliest"), Some(&reader))
        .await;
    for data in ["1", "2", "urn:3", "urn:4"] {
        assert_eq!(replayed.data().await, data);
    }
    let mut resumed = other
        .follow(&format!("{query}&last_event_id=urn:3"), None)
        .await;
    assert_eq!(resumed.data().await, "urn:4");
    let mut exact = other
        .follow(&format!("match={long}&last_event_id=earliest"), None)
        .await;
    assert_eq!(exact.data().await, "long");
}

/// Reads the subscription API of a hub, and returns the matchers of all subscriptions.
async fn subscriptions(hub: &MercureHub, path: &str, token: &str) -> Vec<String> {
    let path = format!("{PATH}/subscriptions{path}");
    let request = hub.hub.request(Method::GET, &path);
    let reply = hub
        .hub
        .send(
            request.header("authorization", format!("Bearer {token}")),
            "",
        )
        .await;
    if reply.status == 404 {
        return Vec::new();
    }
    assert_eq!(reply.status, 200, "{}", reply.text);
    let document: Value = serde_json::from_str(&reply.text).unwrap();
    let text = |document: &Value| document["match"].as_str().unwrap().to_owned();
    let mut matchers = match document.get("subscriptions") {
        Some(all) => all.as_array().unwrap().iter().map(text).collect(),
        None => vec![text(&document)],
    };
    matchers.sort();
    matchers
}

#[tokio::test]
async fn one_api_has_the_subscriptions_of_all_hubs() {
    let mut nats = Nats::down().unwrap();
    nats.up().unwrap();
    let option = format!("--nats={}", nats.url());
    let start = || MercureHub::start([&option, "--mercure-anonymous", "--mercure-subscriptions"]);
    let (one, mut other) = (start(), start());
    becomes(&one.hub, 200).await;
    becomes(&other.hub, 200).await;
    let watcher = token(&["subscribe"], json!([{"match": "*"}]));
    let mut events = one
        .follow(
            "match_urlpattern=/.well-known/mercure/subscriptions/*",
            Some(&watcher),
        )
        .await;
    events.event().await;
    let _mine = one.follow("match=mine", None).await;
    let follower = other.follow("match=theirs", None).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (event_type, _, data) = events.event().await;
        assert_eq!(event_type, "mercure");
        ids.push(
            serde_json::from_str::<Value>(&data).unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let theirs = ids.iter().find(|id| id.contains("/theirs/")).unwrap();
    let theirs = theirs
        .strip_prefix(&format!("{PATH}/subscriptions"))
        .unwrap()
        .to_owned();
    let own = "/.well-known/mercure/subscriptions/*";
    for (path, expected) in [
        ("", &[own, "mine", "theirs"][..]),
        ("/exact/theirs", &["theirs"]),
        ("/exact/none", &[]),
        (&theirs, &["theirs"]),
    ] {
        for hub in [&one, &other] {
            assert_eq!(subscriptions(hub, path, &watcher).await, expected, "{path}");
        }
    }
    drop(follower);
    let (_, _, data) = events.event().await;
    assert!(data.contains(r#""active":false"#), "{data}");
    assert_eq!(subscriptions(&one, "", &watcher).await, [own, "mine"]);
    // Nothing is left of a hub that is killed.
    let _follower = other.follow("match=theirs", None).await;
    assert_eq!(
        subscriptions(&one, "/exact/theirs", &watcher).await,
        ["theirs"]
    );
    other.hub.running.child.kill().unwrap();
    other.hub.running.wait();
    assert_eq!(subscriptions(&one, "", &watcher).await, [own, "mine"]);
}
