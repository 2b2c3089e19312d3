//! Tests in which NATS is killed and restarted, starts late, or loses its stream.

mod support;

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _};
use sse_hub::{Backend as _, PublishError, Retention, TopicFilters, Update};
use sse_hub_nats::NatsConfig;
use sse_proto::{Event, EventId};
use support::{
    Nats, Nodes, all, chain, connected, next, numbers, publish, read_all, test_timeout, texts,
    topic, with_test_timeout,
};
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn nothing_is_lost_when_nats_is_killed() {
    const EVENTS: usize = 3000;
    let mut nats = Nats::start().unwrap();
    let mut small = Retention::default();
    small.events = 100;
    let (a, b) = (nats.node(), nats.node_with(with_test_timeout(), small));
    connected(&a, true).await;
    connected(&b, true).await;
    let first = publish(&a, 0..1).await.remove(0);
    let readers = read_all([&a, &b], &first, EVENTS, 700);
    let publisher = tokio::spawn(async move { publish(&a, 1..EVENTS).await });
    for _ in 0..3 {
        sleep(Duration::from_millis(150)).await;
        nats.kill();
        sleep(Duration::from_millis(50)).await;
        nats.up().unwrap();
    }
    let ids = timeout(test_timeout(), publisher).await.unwrap().unwrap();
    assert_eq!(ids.len(), EVENTS - 1);
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(b.stats().resets, 0);
    // Each event is stored once.
    let stream = nats.client().await.get_stream("sse").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, EVENTS as u64);
}

#[tokio::test]
async fn a_node_starts_before_nats() {
    let mut nats = Nats::down().unwrap();
    let node = nats.node();
    // This client subscribes before NATS runs, and waits.
    let mut events = all(&node, None);
    let reader = tokio::spawn(async move { while next(&mut events).await.data() != "1" {} });
    let publishing = tokio::spawn({
        let node = node.clone();
        async move { publish(&node, 0..1).await }
    });
    sleep(Duration::from_millis(300)).await;
    assert!(!node.is_connected());
    assert!(!publishing.is_finished());
    nats.up().unwrap();
    publishing.await.unwrap();
    connected(&node, true).await;
    publish(&node, 1..2).await;
    reader.await.unwrap();
}

#[tokio::test]
async fn the_hub_reports_that_nats_is_away() {
    let mut nats = Nats::start().unwrap();
    let within = NatsConfig::new().publish_timeout(Duration::from_millis(600));
    let stream = nats.stream(within.clone());
    let mut updates = stream.follow(10);
    // The sequences begin with the time, so the first update reports those before it as truncated.
    while !matches!(next_update(&mut updates).await, Update::Connected) {}
    let node = nats.node_with(within, Retention::default());
    connected(&node, true).await;
    nats.kill();
    let Update::Disconnected(error) = next_update(&mut updates).await else {
        panic!("expected Update::Disconnected");
    };
    let place = format!("not connected to NATS at 127.0.0.1:{}: ", nats.port());
    let error = chain(&error);
    assert!(error.starts_with(&place), "{error}");
    connected(&node, false).await;
    let error = node.publish((topic(), Event::new("x"))).await.unwrap_err();
    assert!(matches!(error, PublishError::Backend(_)), "{error:?}");
    let error = chain(&error);
    assert!(error.contains(&place), "{error}");
    nats.up().unwrap();
    connected(&node, true).await;
    let mut events = all(&node, None);
    // On a busy machine, the node may time out.
    while node.publish((topic(), Event::new("0"))).await.is_err() {}
    // The event that timed out is not published later.
    assert_eq!(texts(&mut events, 1).await, numbers(0..1));
    loop {
        match next_update(&mut updates).await {
            Update::Event(event) => break assert_eq!(event.publication.event.data(), "0"),
            Update::Disconnected(_) | Update::Connected => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The server accepts connections and does not answer, like a server on a frozen machine.
#[tokio::test]
async fn a_server_that_hangs_is_noticed() {
    let nats = Nats::start().unwrap();
    let node = nats.node();
    connected(&node, true).await;
    nats.signal("STOP");
    connected(&node, false).await;
    nats.signal("CONT");
    connected(&node, true).await;
    let mut events = all(&node, None);
    publish(&node, 0..1).await;
    assert_eq!(texts(&mut events, 1).await, numbers(0..1));
}

#[tokio::test]
async fn events_that_the_limits_remove_are_reported_as_truncated() {
    let nats = Nats::start().unwrap();
    let stream = nats.stream(NatsConfig::new().max_events(20));
    let hub_of =
        |stream| sse_hub::Hub::with_backend(sse_hub::HubConfig::default(), Arc::new(stream));
    let (publisher, _not_followed) = hub_of(stream.clone());
    publish(&publisher, 0..5).await;
    let mut updates = stream.follow(3);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        seen.push(format!("{:?}", short(&next_update(&mut updates).await)));
    }
    let base = first(&nats).await;
    let at = |offset: u64| base + offset;
    assert_eq!(
        seen,
        [
            format!("{:?}", ("gone", at(1))),
            format!("{:?}", ("event", at(2))),
            format!("{:?}", ("event", at(3))),
            format!("{:?}", ("event", at(4))),
            format!("{:?}", ("connected", 0)),
        ]
    );
    // The test does not poll the updates while the stream changes.
    let client = nats.client().await;
    publish(&publisher, 5..6).await;
    client
        .get_stream("sse")
        .await
        .unwrap()
        .purge()
        .sequence(at(3))
        .await
        .unwrap();
    for number in 6..2000 {
        publish(&publisher, number..number + 1).await;
    }
    let (mut last, mut gone) = (at(4), 0);
    while last < at(1999) {
        match short(&next_update(&mut updates).await) {
            ("gone", sequence) => {
                assert!(sequence > last);
                (last, gone) = (sequence, gone + 1);
            }
            ("event", sequence) => {
                assert_eq!(sequence, last + 1);
                last = sequence;
            }
            _ => {}
        }
    }
    assert!(gone > 0);
}

#[tokio::test]
async fn a_recreated_stream_is_noticed() {
    let nats = Nats::start().unwrap();
    let node = nats.node();
    let old = publish(&node, 0..5).await;
    let mut events = all(&node, Some(&old[0]));
    assert_eq!(texts(&mut events, 4).await, numbers(1..5));
    let client = nats.client().await;
    client.delete_stream("sse").await.unwrap();
    publish(&node, 5..7).await;
    if first(&nats).await > 1 {
        // The sequences of the new stream are greater, so the node continues after a reset.
        assert_eq!(next(&mut events).await.event_type(), "reset");
        connected(&node, true).await;
        let new = next(&mut events).await;
        assert_eq!(new.data(), "5");
        let mut events = all(&node, new.id());
        assert_eq!(texts(&mut events, 1).await, numbers(6..7));
        return;
    }
    // Before NATS 2.10, sequences restart at 1, so the node stays disconnected.
    connected(&node, false).await;
    sleep(Duration::from_secs(1)).await;
    assert!(!node.is_connected());
    let restarted = nats.node();
    connected(&restarted, true).await;
    publish(&restarted, 7..15).await;
    let mut events = restarted
        .subscription(TopicFilters::all())
        .from_start()
        .subscribe()
        .unwrap()
        .events();
    let first = next(&mut events).await;
    let mut events = all(&restarted, first.id());
    assert_eq!(texts(&mut events, 9).await, numbers(6..15));
    // The sequences of the old events are used again.
    for old in &old {
        assert_eq!(
            next(&mut all(&restarted, Some(old))).await.event_type(),
            "reset"
        );
    }
    // The disconnected node gives its clients only IDs of the old epoch, which other nodes reject.
    let position = EventId::new("unknown").unwrap();
    let position = next(&mut all(&node, Some(&position))).await;
    let id = position.id().unwrap().as_str();
    assert_eq!(id, old[4].as_str());
}

/// Waits for the next update.
async fn next_update(updates: &mut (impl Stream<Item = Update> + Unpin)) -> Update {
    let update = timeout(test_timeout(), updates.next()).await;
    update
        .expect("an update before the timeout")
        .expect("stream of updates does not end")
}

fn short(update: &Update) -> (&'static str, u64) {
    match update {
        Update::Event(event) => ("event", event.sequence),
        Update::Truncated(sequence) => ("gone", *sequence),
        Update::Disconnected(error) => panic!("{error}"),
        Update::Connected => ("connected", 0),
        other => panic!("{other:?}"),
    }
}

/// Returns the sequence of the stream's first message, before any was removed.
async fn first(nats: &Nats) -> u64 {
    let stream = nats.client().await.get_stream("sse").await.unwrap();
    let info = stream.cached_info();
    info.config.first_sequence.unwrap_or(1)
}
