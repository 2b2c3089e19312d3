//! Memory of `sse hub` with many clients that each subscribe to as many topics as possible.
#![cfg(all(feature = "hub", target_os = "linux"))]

mod support;

use std::fs;

use support::hub::Hub;

/// Maximum memory of a subscriber in bytes: the texts of its selection (16 KiB), the index of the hub for them, and its
/// connection.
const MAX_BYTES: u64 = 64 * 1024;

/// Returns a query with 64 topics or patterns of 256 bytes, which are different for each client.
fn query(client: usize) -> String {
    let topics = (0..64).map(|number| {
        let (start, end) = match number % 4 {
            0 => (format!("{client}/{number}/"), ""),
            1 => (format!("{client}/{number}/*/*/"), "/*/**"),
            2 => (format!("{client}/{number}////////////"), "/**"),
            _ => (format!("{}{client}/{number}", "/".repeat(200)), ""),
        };
        let missing = 256 - start.len() - end.len();
        format!("topic={start}{}{end}", "x".repeat(missing))
    });
    topics.collect::<Vec<_>>().join("&")
}

/// Returns the memory that the process has allocated, in bytes.
fn allocated(hub: &Hub) -> u64 {
    let path = format!("/proc/{}/status", hub.running.child.id());
    let status = fs::read_to_string(path).unwrap();
    let (_, value) = status.split_once("RssAnon:").unwrap();
    let kib = value.trim_start().split(' ').next().unwrap();
    serde_json::from_str::<u64>(kib).unwrap() * 1024
}

#[tokio::test]
async fn a_thousand_selections_as_large_as_they_may_be_take_little_memory() {
    let hub = Hub::start([]);
    hub.news("a", "1").await;
    let before = allocated(&hub);
    let mut connections = Vec::new();
    // Starts with few clients: if they take too much memory, 1000 would take all memory of the machine.
    for clients in [10_u64, 1000] {
        while connections.len() < clients as usize {
            connections.push(hub.open_stream(&query(connections.len())).await);
        }
        hub.becomes("sse_hub_subscribers", clients).await;
        let taken = allocated(&hub).saturating_sub(before);
        // Some pages are allocated only once.
        let limit = clients * MAX_BYTES + 1024 * 1024;
        assert!(
            taken <= limit,
            "{clients} clients take {taken} bytes, limit is {limit}"
        );
    }
}
