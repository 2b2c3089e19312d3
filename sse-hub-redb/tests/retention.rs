//! Tests of the limits of the kept events.

mod support;

use std::time::Duration;

use sse_hub::{Backend as _, EventId, TopicFilters};
use sse_hub_redb::RedbStore;
use support::{Folder, all, news, publish, replay, test_timeout, unlimited};
use tokio::time::{sleep, timeout};

/// Waits until this number of events is kept, and returns their sequences.
async fn kept(store: &RedbStore, count: usize) -> Vec<u64> {
    let wait = async {
        loop {
            let events = all(store).await;
            if events.len() == count {
                return events.into_iter().map(|(sequence, _)| sequence).collect();
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(test_timeout(), wait).await;
    waited.unwrap_or_else(|_| panic!("there are never {count} events"))
}

#[tokio::test]
async fn the_number_of_events_has_a_limit() {
    let folder = Folder::new();
    let store = folder.open(unlimited().max_events(10));
    publish(&store, 0..25).await;
    assert_eq!(kept(&store, 10).await, (16..=25).collect::<Vec<_>>());
    let all = TopicFilters::all();
    assert_eq!(replay(&store, 14, 25, &all).await, (vec![], true));
    let (events, is_truncated) = replay(&store, 15, 25, &all).await;
    assert_eq!((events.len(), is_truncated), (10, false));
}

#[tokio::test]
async fn bytes_have_a_limit() {
    let folder = Folder::new();
    let store = folder.open(unlimited().max_bytes(10_000));
    for _ in 0..10 {
        store.publish(&news("x".repeat(2_000))).await.unwrap();
    }
    assert_eq!(kept(&store, 4).await, [7, 8, 9, 10]);
    // The latest event stays, even if it is too large.
    store.publish(&news("x".repeat(20_000))).await.unwrap();
    assert_eq!(kept(&store, 1).await, [11]);
    drop(store);
    // The measures are stored.
    let store = folder.open(unlimited().max_bytes(30_000));
    for _ in 0..6 {
        store.publish(&news("x".repeat(2_000))).await.unwrap();
    }
    assert_eq!(kept(&store, 6).await, [12, 13, 14, 15, 16, 17]);
}

#[tokio::test]
async fn old_events_are_removed_without_new_ones() {
    let folder = Folder::new();
    let store = folder.open(unlimited().max_age(Duration::from_millis(1)));
    publish(&store, 0..5).await;
    assert_eq!(kept(&store, 1).await, [5]);
    drop(store);
    // The age is that of the event, not of the process.
    let store = folder.open(unlimited().max_age(Duration::from_secs(3600)));
    publish(&store, 5..8).await;
    assert_eq!(kept(&store, 4).await, [5, 6, 7, 8]);
    drop(store);
    let store = folder.open(unlimited().max_age(Duration::from_millis(1)));
    assert_eq!(kept(&store, 1).await, [8]);
    // Sequences are not used again.
    assert_eq!(publish(&store, 8..9).await, [9]);
}

#[tokio::test]
async fn ids_of_publishers_lead_to_the_earliest_kept_event() {
    let folder = Folder::new();
    let store = folder.open(unlimited().max_events(3));
    let id = |text: &str| EventId::new(text).unwrap();
    let sequence = async |text: &str| store.sequence_of_id(&id(text)).await.unwrap();
    assert_eq!(store.earliest_sequence().await.unwrap(), 1);
    for own in ["a", "b", "a", "ab"] {
        let mut publication = news(own);
        publication.event = publication.event.with_id(id(own));
        store.publish(&publication).await.unwrap();
    }
    // The first event was removed, and so was its ID.
    assert_eq!(kept(&store, 3).await, [2, 3, 4]);
    assert_eq!(store.earliest_sequence().await.unwrap(), 2);
    assert_eq!(sequence("a").await, Some(3));
    assert_eq!(sequence("b").await, Some(2));
    assert_eq!(sequence("ab").await, Some(4));
    for unknown in ["", "c", "aa", "b\u{0fff}"] {
        assert_eq!(sequence(unknown).await, None);
    }
    publish(&store, 0..3).await;
    assert_eq!(kept(&store, 3).await, [5, 6, 7]);
    for removed in ["a", "b", "ab"] {
        assert_eq!(sequence(removed).await, None);
    }
}
