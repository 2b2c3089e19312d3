//! Decodes streams however they are split, and encodes them again.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::{BodyExt, Full};
use sse_stream::{
    BodyError, EncodeError, KeepAlive, Sse, SseBody, SseByteStream, SseStream, Timer,
};
use testkit::chunks::every_way;

/// Returns all blocks. Streams of these tests never wait, but they may yield.
fn all<B: Buf>(chunks: Vec<B>) -> Vec<Sse> {
    let chunks = chunks.into_iter().map(Ok::<_, Infallible>);
    let mut blocks = SseByteStream::new(stream::iter(chunks));
    let mut found = Vec::new();
    loop {
        match blocks.next().now_or_never() {
            Some(Some(block)) => found.push(block.unwrap()),
            Some(None) => return found,
            None => {}
        }
    }
}

#[test]
fn each_block_comes_as_it_was_sent() {
    let blocks = [
        Sse::default().retry(500).id("1"),
        Sse::default().event("e").data("a\nb\n"),
        Sse::default().data(""),
        Sse::default().id(""),
    ];
    let wire: Vec<u8> = blocks
        .iter()
        .flat_map(|block| block.clone().encode().unwrap())
        .collect();
    assert_eq!(
        String::from_utf8_lossy(&wire),
        "id: 1\nretry: 500\n\nevent: e\ndata: a\ndata: b\ndata: \n\ndata: \n\nid: \n\n"
    );
    for chunks in every_way(&wire) {
        assert_eq!(all(chunks), blocks);
    }
}

#[test]
fn buffers_of_several_parts_are_read_to_their_end() {
    let buffer = b"data: a\n"[..].chain(&b"\ndata: b\n\n"[..]);
    assert_eq!(
        all(vec![buffer]),
        [Sse::default().data("a"), Sse::default().data("b")]
    );
}

#[test]
fn a_body_is_read_like_a_stream() {
    let body = Full::<Bytes>::from("data: a\n\n");
    let block = SseStream::new(body).next().now_or_never().unwrap();
    assert_eq!(block.unwrap().unwrap().data.as_deref(), Some("a"));
    let chunks = stream::iter([Ok::<_, io::Error>(Bytes::from("data: b\n\n"))]);
    let block = SseStream::from_bytes_stream(chunks)
        .next()
        .now_or_never()
        .unwrap();
    assert_eq!(block.unwrap().unwrap().data.as_deref(), Some("b"));
}

#[test]
fn a_stream_without_blocks_lets_other_tasks_run() {
    let chunks = stream::repeat(Ok::<_, Infallible>(&b": nothing\n"[..]));
    assert!(SseByteStream::new(chunks).next().now_or_never().is_none());
}

#[test]
fn no_value_forges_a_field() {
    for text in ["a\ndata: forged", "a\rdata: forged", "\r\n"] {
        let error = Sse::default().event(text).encode().unwrap_err();
        assert_eq!(error, EncodeError::InvalidEvent);
        assert_eq!(
            Sse::default().id(text).encode().unwrap_err(),
            EncodeError::InvalidId
        );
        let wire = Sse::default().data(text).encode().unwrap();
        assert!(
            wire.split(|byte| *byte == b'\n')
                .all(|line| line.is_empty() || line.starts_with(b"data: "))
        );
        assert!(!wire.contains(&b'\r'));
        let wire = KeepAlive::new().comment(text);
        assert!(!format!("{wire:?}").contains("\\ndata"));
    }
    assert_eq!(
        Sse::default().id("\0").encode().unwrap_err(),
        EncodeError::InvalidId
    );
}

/// Timer that is always due.
struct Due;

impl Future for Due {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Timer for Due {
    fn reset(self: Pin<&mut Self>, _: Instant) {}

    fn from_duration(_: Duration) -> Self {
        Self
    }
}

#[test]
fn a_quiet_body_sends_keep_alives_and_an_error_ends_it() {
    let quiet = stream::pending::<Result<Sse, Infallible>>();
    let mut body = SseBody::new(quiet).with_keep_alive::<Due>(KeepAlive::new().comment("here"));
    assert!(body.has_keep_alive());
    let frame = body.frame().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), ":here\n\n");

    let events = [
        Ok::<_, Infallible>(Sse::default().id("\n")),
        Ok(Sse::default().data("a")),
    ];
    let mut body = SseBody::new(stream::iter(events));
    let error = body.frame().now_or_never().unwrap().unwrap().unwrap_err();
    assert!(matches!(error, BodyError::Encode(EncodeError::InvalidId)));
    assert!(body.frame().now_or_never().unwrap().is_none());
}
