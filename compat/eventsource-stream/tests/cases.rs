//! Runs every case of `testdata/`, however it is split.

use std::{convert::Infallible, io, time::Duration};

use eventsource_stream::{Event, EventStream, EventStreamError, Eventsource};
use futures_util::{FutureExt, StreamExt, stream};
use testkit::{Item, cases::decode_cases, chunks::every_way};

/// Returns what is ready at once. Streams of these tests never wait, but they may yield.
fn all<E>(chunks: Vec<Result<&[u8], E>>) -> Vec<Result<Event, EventStreamError<E>>> {
    let mut events = stream::iter(chunks).eventsource();
    let mut found = Vec::new();
    loop {
        match events.next().now_or_never() {
            Some(Some(event)) => found.push(event),
            Some(None) => return found,
            None => {}
        }
    }
}

#[test]
fn every_case_has_its_events() {
    for case in decode_cases() {
        if case.limit.is_some() || case.max_id_bytes.is_some() {
            continue;
        }
        let expected: Vec<_> = events(&case.outcome.items);
        for chunks in every_way(&case.stream) {
            let chunks = chunks.into_iter().map(Ok::<_, Infallible>).collect();
            let found: Vec<_> = all(chunks).into_iter().map(Result::ok).collect();
            assert_eq!(found, expected, "{}", case.name);
        }
    }
}

/// Returns the expected events, or `None` for each error.
fn events(items: &[Item]) -> Vec<Option<Event>> {
    let mut waiting = None;
    let mut events = Vec::new();
    for item in items {
        match item {
            Item::Retry(milliseconds) => waiting = Some(Duration::from_millis(*milliseconds)),
            Item::Comment(_) => {}
            Item::TooLarge(_) | Item::IdTooLong(_) => events.push(None),
            Item::Event {
                event_type,
                data,
                last_event_id,
            } => events.push(Some(Event {
                event: event_type.clone(),
                data: data.clone(),
                id: last_event_id.clone(),
                retry: waiting.take(),
            })),
        }
    }
    events
}

#[test]
fn an_error_of_the_bytes_is_passed_on_and_does_not_end_the_stream() {
    let cut = || io::Error::other("cut");
    let chunks: Vec<io::Result<&[u8]>> = vec![
        Ok(b"data: a\n\ndata: b"),
        Err(cut()),
        Ok(b"\n\n"),
        Err(cut()),
    ];
    let found = all(chunks);
    let data: Vec<_> = found
        .iter()
        .map(|item| item.as_ref().ok().map(|e| &*e.data))
        .collect();
    assert_eq!(data, [Some("a"), None, Some("b"), None]);
    assert_eq!(
        found[1].as_ref().unwrap_err().to_string(),
        "cannot read the stream: cut"
    );
}

#[test]
fn an_event_that_is_too_large_is_an_error_and_the_next_one_is_read() {
    let large = vec![b'a'; 17 << 20];
    let chunks: Vec<io::Result<&[u8]>> = vec![Ok(b"data: "), Ok(&large), Ok(b"\n\ndata: b\n\n")];
    let found = all(chunks);
    assert!(
        matches!(&found[0], Err(EventStreamError::Parser(_))),
        "{found:?}"
    );
    assert_eq!(found[1].as_ref().unwrap().data, "b");
    assert_eq!(found.len(), 2);
}

#[test]
fn the_last_event_id_can_be_set_and_read() {
    let mut events = EventStream::new(stream::iter([
        Ok::<_, Infallible>("data: a\n\nid: 2\n\n"),
        Ok("data: b\n\n"),
    ]));
    events.set_last_event_id("1");
    assert_eq!(events.last_event_id(), "1");
    assert_eq!(
        events.next().now_or_never().unwrap().unwrap().unwrap().id,
        "1"
    );
    events.set_last_event_id("no\nstream can set it");
    assert_eq!(
        events.next().now_or_never().unwrap().unwrap().unwrap().id,
        "2"
    );
    assert_eq!(events.last_event_id(), "2");
}

#[test]
fn a_stream_without_events_lets_other_tasks_run() {
    let chunks = stream::repeat(Ok::<_, Infallible>(": nothing\n"));
    assert!(chunks.eventsource().next().now_or_never().is_none());
}
