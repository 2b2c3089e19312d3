//! Checks that `ItemStream` and `EventCodec` agree with the decoder, for any chunks, pauses and failures.
#![no_main]

#[path = "../../sse-proto/tests/support/mod.rs"]
mod support;

use std::{io, iter, pin::pin, task::Poll};

use bytes::{Buf, BytesMut};
use futures_executor::block_on;
use futures_util::{StreamExt, stream};
use libfuzzer_sys::fuzz_target;
use sse_proto::{DecodeError, EventCodec, ItemStream, StreamError};
use testkit::{Item, chunks};
use tokio_util::codec::Decoder as _;

fuzz_target!(|input: &[u8]| {
    let [limit, max_id_bytes, pauses, fault, input @ ..] = input else {
        return;
    };
    let limits = support::Limits::new(
        Some(usize::from(*limit)).filter(|limit| *limit < 200),
        Some(usize::from(*max_id_bytes % 32)).filter(|limit| *limit < 24),
    );
    let (_, mut chunks) = chunks::from_fuzzer(input);
    // The stream fails before this chunk, if the chunk exists.
    let fault = usize::from(*fault);
    chunks.truncate(fault);
    let fails = chunks.len() == fault;
    let expected = support::decode(limits, &chunks);

    let (items, failed) = by_stream(limits, &chunks, *pauses, fails);
    assert_eq!((&items, failed), (&expected.items, fails), "ItemStream");
    assert_eq!(by_codec(limits, &chunks), expected.items, "EventCodec");
});

/// Returns the items of an `ItemStream`, and whether it ends with the fault. The bits of `pauses` select the
/// chunks before which it is pending.
fn by_stream(
    limits: support::Limits,
    chunks: &[&[u8]],
    pauses: u8,
    fails: bool,
) -> (Vec<Item>, bool) {
    let mut parts = chunks
        .iter()
        .map(Ok)
        .chain(iter::once(Err("fault")).filter(|_| fails));
    let mut polls = 0_u32;
    let chunks = stream::poll_fn(move |cx| {
        polls += 1;
        if pauses.rotate_left(polls) & 1 == 1 && polls < 1000 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(parts.next())
    });
    let mut stream = pin!(ItemStream::with_decoder(chunks, limits.decoder()));
    let (mut items, mut failed) = (Vec::new(), false);
    while let Some(item) = block_on(stream.next()) {
        assert!(!failed, "the stream ends with the fault");
        let item = match item {
            Ok(item) => Ok(Some(item)),
            Err(StreamError::Decode(error)) => Err(error),
            Err(error) => {
                assert_eq!(error, StreamError::Chunks("fault"));
                failed = true;
                continue;
            }
        };
        items.extend(support::next(item, |text| text));
    }
    assert!(block_on(stream.next()).is_none(), "the stream stays ended");
    (items, failed)
}

/// Returns the items of an `EventCodec` with a growing buffer, as in `FramedRead`.
fn by_codec(limits: support::Limits, chunks: &[&[u8]]) -> Vec<Item> {
    let mut codec = EventCodec::new(limits.decoder());
    let mut buffer = BytesMut::new();
    let mut items = Vec::new();
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        let error = |error: io::Error| {
            error
                .downcast::<DecodeError>()
                .expect("an error of the decoder")
        };
        while let Some(item) = support::next(codec.decode(&mut buffer).map_err(error), |text| text)
        {
            items.push(item);
        }
        assert!(!buffer.has_remaining(), "the buffer is empty");
    }
    items
}
