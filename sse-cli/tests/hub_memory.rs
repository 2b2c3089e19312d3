//! Memory of `sse hub` with subscribers that do not read.
#![cfg(all(feature = "hub", target_os = "linux"))]

mod support;

use support::hub::Hub;

const SUBSCRIBERS: u64 = 150;

/// KiB of events that the hub keeps in any case.
const RETENTION: u64 = 64 * 1024;

/// KiB that a subscriber can hold: an event that is on its way, a window and a frame of its selection,
/// and the buffer of its connection.
const SUBSCRIBER: u64 = 1024 + 64 + 16 + 128;

/// KiB for the program itself.
const PROGRAM: u64 = 32 * 1024;

#[tokio::test]
async fn stalled_subscribers_of_large_events_hold_one_event_each() {
    let hub = Hub::start([]);
    let mut connections = Vec::new();
    for n in 0..SUBSCRIBERS {
        connections.push(hub.ask(&format!("topic={n}")).await);
    }
    hub.becomes("sse_hub_subscribers", SUBSCRIBERS).await;
    let data = "x".repeat(1_000_000);
    // The system takes some of them for each connection.
    for _ in 0..5 {
        for n in 0..SUBSCRIBERS {
            let reply = hub
                .publish(&format!("?topic={n}"), "text/plain", data.clone())
                .await;
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
    }
    let held = hub.memory();
    let limit = PROGRAM + RETENTION + SUBSCRIBERS * SUBSCRIBER;
    eprintln!("{held} KiB are held, limit is {limit}");
    assert!(held <= limit, "{held} KiB are held, limit is {limit}");
}
