//! Tests with many messages that the NATS client cannot read.

mod support;

use std::{
    panic,
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::StreamExt as _;
use sse_hub::{Retention, TopicFilters};
use sse_hub_nats::NatsConfig;
use sse_proto::Event;
use support::{Nats, Nodes, publish, topic};
use testkit::timeout::test_timeout;
use tokio::time::timeout;

/// Headers that close the client's connection, make its task panic, or look like a status message of the server.
const HEADERS: [&[u8]; 7] = [
    b"NATS/1.0\r\nA: b\rc\r\n\r\n",
    b"NATS/1.0\r\nno colon\r\n\r\n",
    b"NATS/1.0\r\nA: \xff\r\n\r\n",
    b"NATS/1.0\r\nA b: c\r\n\r\n",
    b"NATS/1.0 x\r\n\r\n",
    b"NATS/1.0 503 No Responders\r\n\r\n",
    b"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
];

/// Number of panics in tasks of the client.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map_or("", |location| location.file());
            match place.contains("async-nats") {
                true => _ = PANICS.fetch_add(1, Ordering::Relaxed),
                false => default(info),
            }
        }));
    });
}

/// Publishes a valid event, then `count` unreadable messages, and then a valid event. Checks that both a node that
/// follows live and a node that replays from the stream get the last event.
async fn an_event_arrives_after(count: usize, is_mixed: bool) {
    count_panics();
    let nats = Nats::start().unwrap();
    let node = nats.node();
    let first = publish(&node, 0..1).await.remove(0);
    let mut live = node
        .subscribe(TopicFilters::all(), Some(&first))
        .unwrap()
        .events();
    let panics = PANICS.load(Ordering::Relaxed);
    for number in 0..count {
        let headers = HEADERS[number % HEADERS.len()];
        support::publish_raw(&nats, "sse.events", headers, b"data: x\n\n").await;
        if is_mixed {
            node.publish((topic(), Event::new("between")))
                .await
                .unwrap();
        }
    }
    node.publish((topic(), Event::new("last"))).await.unwrap();
    let mut small = Retention::default();
    small.events = 1;
    let other = nats.node_with(NatsConfig::default(), small);
    let mut replayed = other
        .subscribe(TopicFilters::all(), Some(&first))
        .unwrap()
        .events();
    for events in [&mut live, &mut replayed] {
        let all = async {
            let mut between = 0;
            while let Some(event) = events.next().await
                && event.data() != "last"
            {
                assert_eq!((event.data(), event.event_type()), ("between", "message"));
                between += 1;
            }
            assert_eq!(between, if is_mixed { count } else { 0 });
        };
        let all = timeout(test_timeout(), all).await;
        all.unwrap_or_else(|_| panic!("no event after {count} unreadable messages"));
    }
    let panics = PANICS.load(Ordering::Relaxed) - panics;
    // Each panic costs a connection and a delay. After the first one, the node reads messages with raw access, which
    // no message can break.
    let limit = count / 4;
    assert!(
        panics <= limit,
        "client panicked {panics} times, limit is {limit}"
    );
}

#[tokio::test]
async fn sixty_poison_messages_do_not_delay_an_event_each() {
    an_event_arrives_after(60, false).await;
}

#[tokio::test]
async fn six_hundred_poison_messages_do_not_delay_an_event() {
    an_event_arrives_after(600, false).await;
}

#[tokio::test]
async fn poison_messages_between_events_do_not_delay_them() {
    an_event_arrives_after(200, true).await;
}
