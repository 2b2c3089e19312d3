//! Tests of events that are encoded once for many clients.

use std::{future::Future, pin::pin, time::Duration};

use futures_util::{FutureExt, stream};
use http_body_util::BodyExt;
use sse_hyper::{Encoded, Event, EventBody, EventId, EventType, StreamConfig, StreamTracker};
use sse_proto::{Chunk, Comment, Decoder, Item};

fn now<T>(future: impl Future<Output = T>) -> T {
    pin!(future)
        .now_or_never()
        .expect("a future that is ready at once")
}

fn some_event(n: u64) -> Event {
    let news = EventType::new("news").unwrap();
    Event::new(format!("{n}\nof many"))
        .with_type(news)
        .with_id(EventId::from(n))
}

#[test]
fn a_body_of_encoded_events_equals_a_body_of_events() {
    let events: Vec<_> = (1..9).map(some_event).collect();
    for retry in [None, Some(Duration::from_millis(700))] {
        let config = StreamConfig::default();
        let config = match retry {
            Some(retry) => config.reconnection_time(retry),
            None => config,
        };
        let tracker = StreamTracker::new(config);
        let body = |size: usize| {
            let chunks = events.chunks(size).map(|events| {
                let each: Vec<_> = events.iter().map(Encoded::from).collect();
                Encoded::join(&each)
            });
            let body = tracker.body(stream::iter(chunks.collect::<Vec<_>>()));
            let bytes = now(body.collect()).unwrap().to_bytes();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        for size in 1..9 {
            let wire = body(size);
            let (start, rest) = wire.split_at(3);
            assert_eq!(start, ":\n\n", "chunks of {size}");
            let expected: String = events.iter().map(Event::to_string).collect();
            let first = if retry.is_some() { "retry: 700\n" } else { "" };
            assert_eq!(rest, format!("{first}{expected}"), "chunks of {size}");
        }
    }
}

#[test]
fn shared_bytes_are_not_copied() {
    let news = Encoded::from(&some_event(1));
    let address = news.as_bytes().as_ptr();
    assert_eq!(Encoded::join([&news]).as_bytes().as_ptr(), address);

    // The first frame starts with the comment, so this event is copied into it, and the frame is full.
    let long = Encoded::from(&Event::new("x".repeat(20_000)));
    let mut body = pin!(EventBody::new(stream::iter([long, news])));
    let first = now(body.frame()).unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b":\n\ndata: xxx"));
    let second = now(body.frame()).unwrap().unwrap().into_data().unwrap();
    assert_eq!(second.as_ptr(), address);
    assert!(now(body.frame()).is_none());
}

#[test]
fn the_own_reconnection_time_of_an_event_comes_last() {
    let event = some_event(1).with_retry(Duration::from_millis(5));
    let tracker =
        StreamTracker::new(StreamConfig::default().reconnection_time(Duration::from_secs(9)));
    let body = tracker.body(stream::iter([Encoded::from(&event)]));
    let wire = now(body.collect()).unwrap().to_bytes();
    let (mut decoder, mut chunk) = (Decoder::new(), Chunk::new(&wire));
    let mut times = Vec::new();
    while let Some(item) = decoder.decode(&mut chunk).unwrap() {
        if let Item::Retry(time) = item {
            times.push(time);
        }
    }
    assert_eq!(times.last(), Some(&Duration::from_millis(5)));
}

#[test]
fn encoded_events_are_decoded_as_by_a_client() {
    let events = [some_event(1), Event::new("a\r\nb"), Event::default()];
    let encoded = Encoded::join(&events.each_ref().map(Encoded::from));
    let read: Vec<_> = encoded.events().collect();
    assert_eq!(read.len(), 3);
    assert_eq!(read[0], events[0]);
    assert_eq!(read[1].data(), "a\nb");
    assert_eq!(read[2].data(), "");
    assert_eq!(Encoded::from(Comment::new("no event")).events().count(), 0);
    assert_eq!(Encoded::default().events().count(), 0);
}
