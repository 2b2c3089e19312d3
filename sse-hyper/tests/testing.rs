//! Tests of the reader of events for unit tests.
#![cfg(feature = "testing")]

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use sse_hyper::{Event, EventId, EventType, StreamTracker, respond, testing::EventReader};

#[tokio::test]
async fn it_reads_as_a_client_reads() {
    let typed = Event::new("a\r\nb").with_type(EventType::new("news").unwrap());
    let events = [
        typed.clone().with_id(EventId::from(7)),
        Event::new("").with_retry(Duration::from_secs(1)),
    ];
    let response = respond(&Request::new(()), stream::iter(events));
    let read = EventReader::new(response).collect().await;
    let first = Event::new("a\nb").with_type(EventType::new("news").unwrap());
    let id = EventId::from(7);
    assert_eq!(
        read,
        [first.with_id(id.clone()), Event::new("").with_id(id)]
    );
}

#[tokio::test]
async fn it_reads_a_stream_that_never_ends_event_by_event() {
    let tracker = StreamTracker::default();
    let events = stream::iter([Event::new("a")]).chain(stream::pending());
    let mut reader = EventReader::new(tracker.respond(&Request::new(()), events));
    assert_eq!(reader.next().await, Some(Event::new("a")));
    assert_eq!(tracker.open_streams(), 1);
    drop(reader);
    assert_eq!(tracker.open_streams(), 0);
}

#[tokio::test]
async fn frames_may_cut_events_anywhere() {
    let bytes = "data: a\r\n\r\ndata: €\n\ndata: unfinished\n".as_bytes();
    for size in 1..=bytes.len() {
        let frames = bytes.chunks(size).map(|chunk| {
            let frame = Frame::data(Bytes::copy_from_slice(chunk));
            Ok::<_, Infallible>(frame)
        });
        let mut response = Response::new(StreamBody::new(stream::iter(frames)));
        let content_type = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert("content-type", content_type);
        let read = EventReader::new(response).collect().await;
        assert_eq!(read, ["a", "€"].map(Event::new), "{size}");
    }
}

#[test]
#[should_panic(expected = "status")]
fn a_refusal_is_not_a_stream() {
    let request = Request::get("/").header("accept", "application/json");
    let response = respond(
        &request.body(()).unwrap(),
        stream::iter([Event::new("never")]),
    );
    let _ = EventReader::new(response);
}
