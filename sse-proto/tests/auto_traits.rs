//! Tests that public types are `Send`, `Sync` and `Unpin`, so that runtimes can move them between threads.

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use sse_proto::{
    Chunk, CloseEvent, Comment, DecodeError, Decoder, Encoded, Event, EventCodec, EventId,
    EventType, IdTooLong, InvalidValue, Item, ItemStream, MessageEvent, Output, SliceDecoder,
    StreamError,
    client::{
        Action, ClientConfig, DisconnectReason, Session, SessionEvent, SessionOutput, Verdict,
    },
};

fn check<T: Send + Sync + Unpin>() {}

#[test]
fn all_types_are_send_sync_and_unpin() {
    check::<Chunk<'_>>();
    check::<CloseEvent>();
    check::<Comment<'_>>();
    check::<DecodeError>();
    check::<Decoder>();
    check::<Encoded>();
    check::<Event>();
    check::<EventCodec>();
    check::<EventId>();
    check::<EventType>();
    check::<IdTooLong>();
    check::<InvalidValue>();
    check::<Item<Bytes, EventId>>();
    check::<MessageEvent<String>>();
    check::<SliceDecoder<'_>>();
    check::<StreamError<std::io::Error>>();
    check::<Action>();
    check::<ClientConfig>();
    check::<DisconnectReason>();
    check::<Session>();
    check::<SessionEvent>();
    check::<SessionOutput>();
    check::<Verdict>();
    check::<ItemStream<stream::Empty<Result<Bytes, std::io::Error>>, Bytes>>();
}

#[test]
fn buffers_are_outputs() {
    fn output<T: Output>() {}

    output::<Vec<u8>>();
    output::<String>();
    output::<BytesMut>();
}
