//! The two clients, and what is expected of them.

use core::{fmt::Debug, ops::RangeInclusive, time::Duration};

use futures_util::{
    Stream, StreamExt,
    future::{Either, select},
    stream::LocalBoxStream,
};
use sse_wasm::{Builder, Disconnected, Event, Item, Reason, Settings};

use crate::place::{now, pause, test_timeout};

/// What a client says.
pub(crate) type Items = LocalBoxStream<'static, Item>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// The browser's own, with revival.
    Native,
    Fetch,
}

impl Client {
    pub(crate) const BOTH: [Self; 2] = [Self::Native, Self::Fetch];

    /// Listens to messages and to events of these types; the client over `fetch` to all.
    pub(crate) fn open(self, builder: Builder, event_types: &[&str]) -> Items {
        match self {
            Self::Native => {
                let builder = builder.with_revival("last-event-id");
                let source = builder.native().expect("a connection");
                source.items(event_types.iter().copied()).boxed_local()
            }
            Self::Fetch => builder.fetch().expect("a client").boxed_local(),
        }
    }
}

/// Next to no delays.
pub(crate) fn soon() -> Settings {
    let (short, long) = (Duration::from_millis(50), Duration::from_millis(400));
    Settings::default()
        .with_reconnection_time(short)
        .with_bounds(short, long)
        .with_backoff_limit(long)
}

/// Repeats what a busy machine can only make worse, until it gives this once.
pub(crate) async fn until<T: Debug + PartialEq>(expected: T, run: impl AsyncFn() -> T) {
    let start = now();
    loop {
        let got = run().await;
        if got == expected {
            return;
        }
        assert!(now() - start < test_timeout().into(), "{got:?}");
    }
}

/// The next item, or none at the end.
pub(crate) async fn next_or_end(items: &mut (impl Stream<Item = Item> + Unpin)) -> Option<Item> {
    match select(items.next(), pause(test_timeout())).await {
        Either::Left((item, _)) => item,
        Either::Right(_) => panic!("in vain waited for an item"),
    }
}

pub(crate) async fn next(items: &mut (impl Stream<Item = Item> + Unpin)) -> Item {
    next_or_end(items).await.expect("no end")
}

pub(crate) async fn next_event(items: &mut (impl Stream<Item = Item> + Unpin)) -> Event {
    match next(items).await {
        Item::Event(event) => event,
        other => panic!("no event: {other:?}"),
    }
}

pub(crate) async fn next_loss(items: &mut (impl Stream<Item = Item> + Unpin)) -> Disconnected {
    match next(items).await {
        Item::Disconnected(disconnected) => disconnected,
        other => panic!("it is not lost: {other:?}"),
    }
}

/// Reads on to the last of these numbers. Each has to come once, in its order. Gives the reasons of
/// all losses between them.
pub(crate) async fn read_numbers(
    items: &mut (impl Stream<Item = Item> + Unpin),
    numbers: RangeInclusive<u64>,
) -> Vec<Option<Reason>> {
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
