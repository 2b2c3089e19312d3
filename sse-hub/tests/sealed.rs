//! Tests that sealed IDs tell a subscriber nothing about events that it may not receive.
#![cfg(feature = "sealed-ids")]

mod support;

use std::collections::HashSet;

use sse_hub::{Hub, IdFormat, LagPolicy};
use sse_hyper::EventId;
use support::{publish, ready, sequenced_from_1, topic};

const KEY: [u8; 16] = [7; 16];

fn hub() -> Hub {
    Hub::new(
        sequenced_from_1()
            .id_format(IdFormat::sealed(KEY))
            .position_events(true),
    )
}

/// Returns the ID of a block.
fn id(block: &str) -> EventId {
    let start = block.find("id: ").expect("block with an ID") + 4;
    let (id, _) = block[start..].split_once('\n').unwrap();
    EventId::new(id).unwrap()
}

/// Returns the ID of the reset that a client with an unknown ID gets.
fn reset(hub: &Hub) -> EventId {
    let unknown = EventId::new("unknown").unwrap();
    let mut subscription = hub.subscribe(topic("nothing"), Some(&unknown)).unwrap();
    let text = ready(&mut subscription);
    assert!(text.starts_with("event: reset\n"), "{text}");
    id(&text)
}

/// Returns the ID of the position that a new subscriber gets.
fn position(hub: &Hub) -> EventId {
    id(&ready(&mut hub.subscribe(topic("nothing"), None).unwrap()))
}

#[test]
fn a_subscriber_cannot_count_the_events_of_others() {
    let hub = hub();
    publish(&hub, "others", "0");
    let mut told = HashSet::new();
    for n in 0..1000 {
        // An event is published before every third pair of IDs.
        if n % 3 == 0 {
            publish(&hub, "others", &n.to_string());
        }
        for id in [reset(&hub), position(&hub)] {
            assert_eq!(id.as_str().len(), 48, "all IDs have the same length");
            assert!(told.insert(id), "no ID is repeated");
        }
    }
    // No byte is constant in all IDs, or changes only slowly.
    let ids: Vec<_> = told.iter().map(EventId::as_str).collect();
    for at in 0..48 {
        let letters: HashSet<_> = ids.iter().map(|id| id.as_bytes()[at]).collect();
        assert!(letters.len() > 32, "letter {at}: {}", letters.len());
    }
}

#[test]
fn each_position_resumes_on_every_node() {
    let nodes = [hub(), hub()];
    let mut positions = Vec::new();
    for n in 0..20 {
        positions.push((n, reset(&nodes[0])));
        positions.push((n, position(&nodes[0])));
        let ids = nodes
            .each_ref()
            .map(|node| publish(node, "a", &n.to_string()));
        assert_eq!(ids[0], ids[1], "an event has one ID");
        positions.push((n + 1, ids[0].clone()));
    }
    for (seen, id) in positions {
        for node in &nodes {
            let text = ready(&mut node.subscribe(topic("a"), Some(&id)).unwrap());
            let data = |n: usize| format!("data: {n}\n\n");
            let expected: Vec<_> = (seen..20).map(data).collect();
            // The first block is the position.
            assert_eq!(text.matches("data: ").count(), 1 + expected.len());
            assert!(
                expected.iter().all(|data| text.contains(data)),
                "{seen}: {text}"
            );
        }
    }
}

#[test]
fn a_slow_subscriber_learns_nothing_of_other_topics() {
    let hub = hub();
    let builder = hub
        .subscription(topic("a"))
        .max_lag(2)
        .lag_policy(LagPolicy::Skip);
    let mut slow = builder.subscribe().unwrap();
    ready(&mut slow);
    let mut told = HashSet::new();
    for others in [0, 1, 50] {
        for n in 0..others {
            publish(&hub, "others", &n.to_string());
        }
        let ids: Vec<_> = (0..3).map(|n| publish(&hub, "a", &n.to_string())).collect();
        for n in 0..others {
            publish(&hub, "others", &n.to_string());
        }
        let text = ready(&mut slow);
        assert!(text.contains("data: {\"missed\":3}\n"), "{text}");
        assert!(!ids.contains(&id(&text)) && told.insert(id(&text)));
    }
}

#[test]
fn ids_of_another_key_and_guesses_are_unknown() {
    let hub = hub();
    let other = Hub::new(sequenced_from_1().id_format(IdFormat::sealed([8; 16])));
    publish(&hub, "a", "1");
    let theirs = publish(&other, "a", "1");
    let guesses = [
        "1",
        "0",
        &"A".repeat(32),
        &"A".repeat(48),
        &"0".repeat(32),
        &"9".repeat(1000),
    ];
    let guesses = guesses.map(|guess| EventId::new(guess).unwrap());
    for id in guesses.into_iter().chain([theirs]) {
        let text = ready(&mut hub.subscribe(topic("a"), Some(&id)).unwrap());
        assert!(text.contains("unknown"), "{id}: {text}");
    }
}
