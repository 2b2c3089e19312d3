//! Memory of `sse hub` with subscribers that do not read.
#![cfg(all(feature = "hub", target_os = "linux"))]

mod support;

use support::hub::Hub;

const SUBSCRIBERS: u64 = 150;

/// KiB of events that the hub retains.
const RETENTION_KIB: u64 = 64 * 1024;

/// KiB that a subscriber can hold: an event that is being sent, a window and a frame of its selection, and the buffer
/// of its connection.
const SUBSCRIBER_KIB: u64 = 1024 + 64 + 16 + 128;

/// KiB for the program itself.
const PROGRAM_KIB: u64 = 32 * 1024;

#[tokio::test]
async fn stalled_subscribers_of_large_events_hold_one_event_each() {
    let hub = Hub::start([]);
    let mut connections = Vec::new();
    for n in 0..SUBSCRIBERS {
        connections.push(hub.open_stream(&format!("topic={n}")).await);
    }
    hub.becomes("sse_hub_subscribers", SUBSCRIBERS).await;
    let data = "x".repeat(1_000_000);
    // The buffers of the system take some of the events of each connection.
    for _ in 0..5 {
        for n in 0..SUBSCRIBERS {
            let reply = hub
                .publish(&format!("?topic={n}"), "text/plain", data.clone())
                .await;
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
    }
    let held = hub.memory();
    let limit = PROGRAM_KIB + RETENTION_KIB + SUBSCRIBERS * SUBSCRIBER_KIB;
    eprintln!("{held} KiB are held, limit is {limit}");
    assert!(held <= limit, "{held} KiB are held, limit is {limit}");
}
