//! Runs every test case through the adapters of the decoder: shared bytes, streams, and the codec.

mod support;

use std::{cell::Cell, convert::Infallible, io};

use bytes::{Bytes, BytesMut};
use futures_executor::block_on;
use futures_util::{StreamExt, stream};
use sse_proto::{Chunk, DecodeError, Decoder, Event, EventCodec, ItemStream, StreamError};
use testkit::{
    Outcome,
    cases::{DecodeCase, decode_cases},
    chunks::every_way,
};
use tokio_util::codec::{Decoder as _, Encoder};

#[test]
fn shared_bytes() {
    each_case(|decoder, chunks| {
        let mut items = Vec::new();
        for chunk in chunks {
            let input = Bytes::copy_from_slice(chunk);
            let mut chunk = Chunk::from(&input);
            let own = |bytes: Bytes| support::as_text(&bytes);
            while let Some(item) = support::next(decoder.decode_shared(&mut chunk), own) {
                items.push(item);
            }
            assert!(chunk.rest().is_empty());
        }
        items
    });
}

#[test]
fn streams_of_chunks_with_pauses_between() {
    each_case(|decoder, chunks| {
        let paused = Cell::new(false);
        let mut chunks = chunks.iter().map(Ok::<_, Infallible>);
        // Each chunk is ready only at the second poll.
        let chunks = stream::poll_fn(|cx| {
            if paused.replace(!paused.get()) {
                return chunks.next().into();
            }
            cx.waker().wake_by_ref();
            core::task::Poll::Pending
        });
        let mut stream = ItemStream::with_decoder(chunks, core::mem::take(decoder));
        let items = block_on(
            (&mut stream)
                .map(|item| {
                    let item = item.map(Some).map_err(|error| match error {
                        StreamError::Decode(error) => error,
                        other => panic!("{other:?}"),
                    });
                    support::next(item, |text| text).expect("an item")
                })
                .collect(),
        );
        *decoder = stream.into_decoder();
        items
    });
}

#[test]
fn a_stream_that_fails_returns_the_error_and_ends() {
    let chunks = [Ok("data: a\n\nda"), Err("reset"), Ok("ta: b\n\n")];
    let items: Vec<_> = block_on(ItemStream::new(stream::iter(chunks)).collect());
    assert_eq!(items.len(), 2);
    assert!(items[0].is_ok());
    assert_eq!(items[1], Err(StreamError::Chunks("reset")));
}

#[test]
fn the_codec() {
    each_case(|decoder, chunks| {
        let mut codec = EventCodec::new(core::mem::take(decoder));
        let mut buffer = BytesMut::new();
        let mut items = Vec::new();
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            let error = |error: io::Error| {
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                error
                    .downcast::<DecodeError>()
                    .expect("an error of the decoder")
            };
            while let Some(item) =
                support::next(codec.decode(&mut buffer).map_err(error), |text| text)
            {
                items.push(item);
            }
        }
        *decoder = codec.into_decoder();
        items
    });
    let mut out = BytesMut::new();
    EventCodec::default()
        .encode(Event::new("a"), &mut out)
        .expect("room");
    assert_eq!(out, "data: a\n\n");
}

/// Decodes each case in each chunking, and compares the result with the expected outcome.
fn each_case(mut decode: impl FnMut(&mut Decoder, &[&[u8]]) -> Vec<testkit::Item>) {
    for DecodeCase {
        name,
        stream,
        limit,
        max_id_bytes,
        outcome,
    } in decode_cases()
    {
        for chunks in every_way(&stream) {
            let mut decoder = support::Limits::new(limit, max_id_bytes).decoder();
            let items = decode(&mut decoder, &chunks);
            let last_event_id = decoder.last_event_id().to_owned();
            assert_eq!(
                Outcome {
                    items,
                    last_event_id
                },
                outcome,
                "{name}: {chunks:?}"
            );
        }
    }
}
