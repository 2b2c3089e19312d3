//! The two clients, and functions that read and check their items.

use core::{fmt::Debug, ops::RangeInclusive, time::Duration};

use futures_util::{
    Stream, StreamExt,
    future::{Either, select},
    stream::LocalBoxStream,
};
use sse_wasm::{Builder, ClientConfig, DisconnectReason, Disconnected, Event, Item};

use crate::environment::{now, pause, test_timeout};

/// Stream of the items of a client.
pub(crate) type ItemStream = LocalBoxStream<'static, Item>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// The browser's own `EventSource`, with reconnection.
    Native,
    Fetch,
}

impl Client {
    pub(crate) const BOTH: [Self; 2] = [Self::Native, Self::Fetch];

    /// Connects. The native client delivers events of type `message` and of these types, the client over `fetch` all.
    pub(crate) fn open(self, builder: Builder, event_types: &[&str]) -> ItemStream {
        match self {
            Self::Native => {
                let builder = builder.reconnect_with_query("last-event-id");
                let source = builder.native().expect("a connection");
                source.items(event_types.iter().copied()).boxed_local()
            }
            Self::Fetch => builder.fetch().expect("a client").boxed_local(),
        }
    }
}

/// Returns a configuration with short delays.
pub(crate) fn short_delays() -> ClientConfig {
    let (min, max) = (Duration::from_millis(50), Duration::from_millis(400));
    ClientConfig::default()
        .reconnection_time(min)
        .min_delay(min)
        .max_delay(max)
        .max_backoff(max)
}

/// Repeats a run until its result is `expected`, because a busy machine can spoil single runs.
pub(crate) async fn repeat_until<T: Debug + PartialEq>(expected: T, run: impl AsyncFn() -> T) {
    let start = now();
    loop {
        let actual = run().await;
        if actual == expected {
            return;
        }
        assert!(now() - start < test_timeout().into(), "{actual:?}");
    }
}

/// Returns the next item, or `None` at the end.
pub(crate) async fn next_or_end(items: &mut (impl Stream<Item = Item> + Unpin)) -> Option<Item> {
    match select(items.next(), pause(test_timeout())).await {
        Either::Left((item, _)) => item,
        Either::Right(_) => panic!("no item before the timeout"),
    }
}

pub(crate) async fn next(items: &mut (impl Stream<Item = Item> + Unpin)) -> Item {
    next_or_end(items).await.expect("an item before the end")
}

pub(crate) async fn next_event(items: &mut (impl Stream<Item = Item> + Unpin)) -> Event {
    match next(items).await {
        Item::Event(event) => event,
        other => panic!("not an event: {other:?}"),
    }
}

pub(crate) async fn next_disconnected(
    items: &mut (impl Stream<Item = Item> + Unpin),
) -> Disconnected {
    match next(items).await {
        Item::Disconnected(disconnected) => disconnected,
        other => panic!("not a lost connection: {other:?}"),
    }
}

/// Reads the events with these numbers, and checks that each comes once and in order.
///
/// Returns the reasons of all lost connections between them.
pub(crate) async fn read_numbers(
    items: &mut (impl Stream<Item = Item> + Unpin),
    numbers: RangeInclusive<u64>,
) -> Vec<Option<DisconnectReason>> {
    let mut losses = Vec::new();
    for number in numbers {
        let event = loop {
            match next(items).await {
                Item::Event(event) => break event,
                Item::Disconnected(disconnected) => losses.push(disconnected.reason),
                Item::Open | Item::Comment(_) | Item::Retry(_) => {}
                other => panic!("before event {number}: {other:?}"),
            }
        };
        assert_eq!(event.data, number.to_string(), "after {losses:?}");
    }
    losses
}

pub(crate) fn event(event_type: &str, data: &str, last_event_id: &str) -> Event {
    Event::new(
        event_type.to_owned(),
        data.to_owned(),
        last_event_id.to_owned().try_into().expect("a valid ID"),
    )
}
