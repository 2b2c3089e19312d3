//! `sse hub --store`: events that survive a restart.
#![cfg(feature = "store")]

mod support;

use serde_json::json;
use support::{
    hub::Hub,
    mercure::{MercureHub, token},
    run, sse,
};

#[tokio::test]
async fn a_client_resumes_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("--store={}", folder.path().join("events.redb").display());
    let mut ids = Vec::new();
    for (run, kills) in [(0, false), (1, true), (2, false)] {
        let mut hub = Hub::start([&store]);
        let mut follower = match ids.first() {
            Some(first) => Some(hub.follow(&format!("topic=a&lastEventId={first}")).await),
            None => None,
        };
        if let Some(follower) = &mut follower {
            for data in 1..run * 2 {
                assert_eq!(follower.data().await, data.to_string());
            }
        }
        for data in [run * 2, run * 2 + 1] {
            ids.push(hub.news("a", &data.to_string()).await);
        }
        if kills {
            hub.running.child.kill().unwrap();
        }
        drop(hub);
    }
    let hub = Hub::start([&store, "--keep-events=1", "--keep-per-topic=0"]);
    let mut all = hub.follow("topic=a&earliest").await;
    for (data, id) in ids.iter().enumerate() {
        let expected = ("message".to_owned(), id.clone(), data.to_string());
        assert_eq!(all.event().await, expected);
    }
}

#[tokio::test]
async fn publisher_ids_and_private_updates_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("--store={}", folder.path().join("mercure.redb").display());
    let hub = MercureHub::start([&store, "--mercure-anonymous"]);
    hub.update(&[("topic", "a"), ("data", "1"), ("id", "urn:one")])
        .await;
    hub.update(&[("topic", "a"), ("data", "2"), ("private", "on")])
        .await;
    hub.update(&[
        ("topic", "b*"),
        ("topic", "a"),
        ("data", "3"),
        ("id", "urn:one"),
    ])
    .await;
    drop(hub);
    let hub = MercureHub::start([
        &store,
        "--mercure-anonymous",
        "--keep-events=1",
        "--keep-per-topic=0",
    ]);
    let mut anonymous = hub.follow("match=a&last_event_id=urn:one", None).await;
    assert_eq!(anonymous.data().await, "3");
    let reader = token(&["subscribe"], json!([{"match": "a"}]));
    let mut reader = hub
        .follow("match=a&last_event_id=urn:one", Some(&reader))
        .await;
    assert_eq!(reader.data().await, "2");
    assert_eq!(
        reader.event().await,
        ("message".into(), "urn:one".into(), "3".into())
    );
    let mut earliest = hub.follow("match=b*&last_event_id=unknown", None).await;
    assert_eq!(earliest.data().await, "3");
}

#[test]
fn a_file_of_another_program_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(&path, "not a store").unwrap();
    let mut command = sse(["hub", "--listen=127.0.0.1:0", "--store"]);
    let done = run(command.arg(&path), "");
    assert_ne!(done.code, Some(0));
    let expected = format!("cannot keep events in {}", path.display());
    assert!(done.stderr.contains(&expected), "{}", done.stderr);
}
