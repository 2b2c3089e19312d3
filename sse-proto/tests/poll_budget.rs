//! Tests that a stream of items that is always ready lets other tasks run, whatever its chunks contain.

use core::{convert::Infallible, pin::pin, task::Poll};

use futures_util::{Stream, StreamExt, future::poll_fn, stream};
use sse_proto::{Decoder, ItemStream};
use testkit::poll_time::{assert_yields, undisturbed};

/// Polls the items as long as they are ready, until they have been pending `turns` times.
async fn read(items: impl Stream, turns: usize) -> usize {
    let mut items = pin!(items);
    let (mut count, mut pending) = (0, 0);
    poll_fn(move |cx| {
        while let Poll::Ready(item) = items.as_mut().poll_next(cx) {
            match item {
                Some(_) => count += 1,
                None => return Poll::Ready(count),
            }
        }
        pending += 1;
        match pending {
            _ if pending == turns => Poll::Ready(count),
            _ => Poll::Pending,
        }
    })
    .await
}

#[test]
fn chunks_that_are_always_ready() {
    undisturbed(|| {
        let long = "x".repeat(1 << 20);
        for (what, chunk) in [
            ("empty chunks", String::new()),
            ("blank lines", "\n\n".to_owned()),
            ("events", "data: a\n\n".to_owned()),
            ("many events", "data\n\n".repeat(1 << 20)),
            ("comments", ":\n".to_owned()),
            ("many comments", ":\n".repeat(8 << 20)),
            ("ignored fields", "a\n".repeat(8 << 20)),
            ("blocks without data", "id\n\n".repeat(4 << 20)),
            ("a line without an end", long.clone()),
            ("large events", format!("data: {long}\n\n")),
            (
                "events beyond the limit",
                format!("data: {long}\n\n").repeat(20),
            ),
        ] {
            let chunks = || stream::repeat(Ok::<_, Infallible>(chunk.as_str()));
            let limited = || Decoder::new().max_event_bytes(2 << 20);
            let items = ItemStream::with_decoder(chunks(), limited());
            assert_yields(what, read(items, 100));
            let decoder = limited().comments(false);
            let items = ItemStream::with_decoder(chunks(), decoder);
            assert_yields(what, read(items, 100));
        }
    });
}

#[test]
fn nothing_is_lost_by_it() {
    undisturbed(|| {
        const EVENTS: usize = 200_000;
        let chunk = "data: a\n\n".repeat(EVENTS);
        let chunks = stream::iter([Ok::<_, Infallible>(&chunk)]);
        let count = assert_yields("events", read(ItemStream::new(chunks), usize::MAX));
        assert_eq!(count, EVENTS);
        let chunks = stream::iter(chunk.as_bytes().chunks(1).map(Ok::<_, Infallible>));
        let items = ItemStream::new(chunks).map(|item| item.is_ok());
        assert_eq!(assert_yields("bytes", read(items, usize::MAX)), EVENTS);
    });
}
