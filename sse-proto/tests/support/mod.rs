//! What the tests and the fuzz targets share.
#![allow(dead_code, reason = "not each of them uses all")]

use sse_proto::{Comment, DecodeError, Decoder, Event, EventId, EventType, Item};
use testkit::{Outcome, reference};

/// The decoder, driven to the end, in the words of the test kit.
pub(crate) fn decode(mut decoder: Decoder, chunks: &[&[u8]]) -> Outcome {
    let mut items = Vec::new();
    for mut chunk in chunks.iter().copied() {
        loop {
            items.push(match decoder.decode(&mut chunk) {
                Ok(None) => break,
                Ok(Some(Item::Event(event))) => testkit::Item::Event {
                    event_type: event.event_type().to_owned(),
                    data: event.data().to_owned(),
                    last_event_id: event.last_event_id().to_owned(),
                },
                Ok(Some(Item::Retry(time))) => {
                    testkit::Item::Retry(u64::try_from(time.as_millis()).expect("at most u64::MAX"))
                }
                Ok(Some(Item::Comment(text))) => testkit::Item::Comment(text.to_owned()),
                Ok(Some(other)) => panic!("an item that the tests do not know: {other:?}"),
                Err(DecodeError::TooLarge { at, .. }) => testkit::Item::TooLarge(at),
                Err(other) => panic!("an error that the tests do not know: {other}"),
            });
        }
        assert!(
            chunk.is_empty(),
            "all of the chunk is taken before the next is asked for"
        );
    }
    Outcome {
        items,
        last_event_id: decoder.last_event_id().to_owned(),
    }
}

/// Sends an event of these strings between two comments, and reads it back: either a string is
/// refused, with the place of the fault, or exactly these arrive.
pub(crate) fn assert_nothing_is_forged(event_type: &str, data: &str, id: &str, comment: &str) {
    let mut sent = Event::new(data.to_owned());
    match EventType::new(event_type.to_owned()) {
        Ok(valid) => sent = sent.with_type(valid),
        Err(error) => assert!(event_type[error.at()..].starts_with(error.character())),
    }
    match EventId::new(id.to_owned()) {
        Ok(valid) => sent = sent.with_id(valid),
        Err(error) => assert!(id[error.at()..].starts_with(error.character())),
    }
    let mut wire = Vec::new();
    Comment::new(comment).encode(&mut wire);
    sent.encode(&mut wire);
    Comment::new(comment).encode(&mut wire);

    let lines = as_read(comment);
    let comments = lines
        .split('\n')
        .map(|line| testkit::Item::Comment(line.to_owned()));
    let event = testkit::Item::Event {
        event_type: sent.event_type().to_owned(),
        data: as_read(data),
        last_event_id: sent.last_event_id().to_owned(),
    };
    let expected: Vec<_> = comments.clone().chain([event]).chain(comments).collect();
    assert_eq!(reference::interpret(&wire).items, expected);
}

/// Text as it arrives: each line end is an LF.
pub(crate) fn as_read(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
