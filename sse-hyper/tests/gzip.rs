//! Tests of streams that are compressed once for all clients.

use std::{io::Write as _, time::Duration};

use bytes::Bytes;
use flate2::write::GzDecoder;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use sse_hyper::{
    CloseEvent, Encoded, Event, EventBody, EventStream, KeepAlive, StreamConfig, StreamTracker,
};

fn tracker() -> StreamTracker {
    let keep_alive = KeepAlive::new().interval(Duration::from_millis(20));
    let config = StreamConfig::default().gzip(true).keep_alive(keep_alive);
    StreamTracker::new(config.reconnection_time(Duration::from_secs(7)))
}

fn respond<S: EventStream>(
    tracker: &StreamTracker,
    accept: &str,
    events: S,
) -> Response<EventBody<S>> {
    let request = Request::get("/").header("accept-encoding", accept);
    tracker.respond(&request.body(()).unwrap(), events)
}

/// Reads frames, and decodes each as it comes.
async fn frames<S: EventStream + Unpin>(body: EventBody<S>, count: usize) -> (Vec<Bytes>, String) {
    let mut body = Box::pin(body);
    let (mut frames, mut decoder) = (Vec::new(), GzDecoder::new(Vec::new()));
    let mut text = String::new();
    while frames.len() < count {
        let Some(frame) = body.frame().await else {
            break;
        };
        let frame = frame.unwrap().into_data().unwrap();
        decoder.write_all(&frame).unwrap();
        decoder.flush().unwrap();
        let now = String::from_utf8(decoder.get_ref().clone()).unwrap();
        assert!(now.len() > text.len(), "each frame is decoded at once");
        text = now;
        frames.push(frame);
    }
    (frames, text)
}

fn is_gzip(headers: &HeaderMap) -> bool {
    assert_eq!(headers["vary"], "accept-encoding");
    headers
        .get("content-encoding")
        .is_some_and(|coding| coding == "gzip")
}

#[tokio::test]
async fn it_is_negotiated() {
    for (accept, expected) in [
        ("gzip", true),
        ("gzip, deflate, br, zstd", true),
        ("br;q=1.0, gzip;q=0.5", true),
        ("gzip;q=0", false),
        ("br", false),
        ("identity", false),
        ("", false),
        ("gzip;q=x", false),
    ] {
        let response = respond(&tracker(), accept, stream::iter([Event::new("a")]));
        assert_eq!(is_gzip(response.headers()), expected, "{accept:?}");
    }
    let request = Request::head("/").header("accept-encoding", "gzip");
    let response = tracker().respond(&request.body(()).unwrap(), stream::iter([Event::new("a")]));
    assert!(is_gzip(response.headers()));
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "");
    let off = StreamTracker::default();
    let response = respond(&off, "gzip", stream::iter([Event::new("a")]));
    assert!(!response.headers().contains_key("vary"));
    assert!(!response.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn every_part_of_a_stream_is_compressed() {
    let tracker = tracker();
    let events = stream::iter([Event::new("one"), Event::new("two")])
        .then(|event| async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            event
        })
        .chain(stream::pending())
        .boxed();
    let response = respond(&tracker, "gzip", events);
    let closing = tracker.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        closing.close(CloseEvent::new(Event::new("bye")));
    });
    let (_, text) = frames(response.into_body(), usize::MAX).await;
    let events = text.replace(":\n\n", "");
    assert!(text.starts_with(":\n\n:\n\n"), "{text}");
    assert_eq!(
        events,
        "retry: 7000\ndata: one\n\ndata: two\n\nevent: closing\ndata: bye\n\n"
    );
}

#[tokio::test]
async fn encoded_events_are_the_same_bytes_in_every_stream() {
    let event = Event::new(format!("<ul>{}</ul>", "<li>item</li>".repeat(300)));
    let shared = Encoded::from(&event).keep_deflated();
    let other = Encoded::from(&Event::new("other")).keep_deflated();
    let config = StreamConfig::default().gzip(true);
    let tracker = StreamTracker::new(config);
    let mut seen: Vec<Bytes> = Vec::new();
    for before in 0..3 {
        let mut events = vec![other.clone(); before];
        events.push(shared.clone());
        let response = respond(&tracker, "gzip", stream::iter(events));
        let (frames, text) = frames(response.into_body(), usize::MAX).await;
        assert!(text.ends_with(&shared.to_string()));
        let all = frames.concat();
        let deflated = shared.deflated();
        assert!(
            deflated.len() < shared.len() / 8,
            "{} bytes",
            deflated.len()
        );
        assert!(all.ends_with(&deflated));
        seen.push(deflated);
    }
    assert!(
        seen.windows(2)
            .all(|two| two[0].as_ptr() == two[1].as_ptr())
    );
    // A frame of several events has the bytes of each.
    let joined = Encoded::join(&[other.clone(), shared.clone()]);
    assert_eq!(
        joined.deflated(),
        [other.deflated(), shared.deflated()].concat()
    );
}
