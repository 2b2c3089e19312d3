//! Tests the differences from version 0.3, whose tests cover the rest.

use std::io;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::BodyExt;
use sse_stream::{KeepAlive, Sse, SseBody, SseStream};

#[test]
fn no_value_forges_a_field() {
    let block = Sse::default()
        .event("a\ndata: forged")
        .id("1\rdata: forged")
        .data("a\rb");
    assert_eq!(Bytes::from(block), "data: a\ndata: b\n\n");
    let keep_alive = KeepAlive::new().comment("a\ndata: forged");
    assert!(
        format!("{keep_alive:?}").contains("\\n:data"),
        "{keep_alive:?}"
    );
}

#[test]
fn repeated_fields_are_no_errors() {
    let wire = "event: a\nevent: b\nid: 1\nid: 2\nretry: 3\nretry: x\nno colon\ndata: \u{e9}\n\n";
    let chunks = stream::iter([Ok::<_, io::Error>(Bytes::from(wire))]);
    let block = SseStream::from_bytes_stream(chunks).next().now_or_never();
    let expected = Sse::default().event("b").id("2").retry(3).data("\u{e9}");
    assert_eq!(block.unwrap().unwrap().unwrap(), expected);
}

#[test]
fn a_body_passes_on_the_error_of_its_events() {
    let events = [Ok(Sse::default().data("a")), Err(io::Error::other("cut"))];
    let mut body = SseBody::new(stream::iter(events));
    let frame = body.frame().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "data: a\n\n");
    let error = body.frame().now_or_never().unwrap().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "cut");
    assert!(body.frame().now_or_never().unwrap().is_none());
}
