//! What the tests and the fuzz targets share.
#![allow(dead_code, reason = "not each of them uses all")]

use sse_proto::{
    Chunk, Comment, DEFAULT_LIMIT, DecodeError, Decoder, Event, EventId, EventType, Item,
    SliceDecoder,
};
use testkit::{Outcome, reference};

/// What the stream says, by every decoder there is. They must all say the same.
pub(crate) fn decode(limit: Option<usize>, chunks: &[&[u8]]) -> Outcome {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let outcome = decode_text(Decoder::with_limit(limit), chunks);
    assert_eq!(
        decode_bytes(Decoder::with_limit(limit), chunks),
        outcome,
        "as bytes"
    );

    // Memory for what this stream can make of it, but not for more than the limit.
    let length = chunks.iter().map(|chunk| chunk.len() + 1).sum();
    let (mut data, mut names) = (vec![0; limit.min(length)], vec![0; 3 * length]);
    assert_eq!(
        decode_slice(SliceDecoder::new(&mut data, &mut names), chunks),
        outcome,
        "no alloc"
    );
    outcome
}

fn decode_text(mut decoder: Decoder, chunks: &[&[u8]]) -> Outcome {
    let mut items = Vec::new();
    for bytes in chunks {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = next(decoder.decode(&mut chunk), str::to_owned) {
            items.push(item);
        }
        assert!(
            chunk.rest().is_empty(),
            "all of the chunk is taken before the next is asked for"
        );
    }
    let last_event_id = decoder.last_event_id().to_owned();
    Outcome {
        items,
        last_event_id,
    }
}

fn decode_bytes(mut decoder: Decoder, chunks: &[&[u8]]) -> Outcome {
    let mut items = Vec::new();
    for bytes in chunks {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = next(decoder.decode_bytes(&mut chunk), as_text) {
            items.push(item);
        }
    }
    let last_event_id = decoder.last_event_id().to_owned();
    Outcome {
        items,
        last_event_id,
    }
}

fn decode_slice(mut decoder: SliceDecoder<'_>, chunks: &[&[u8]]) -> Outcome {
    let mut items = Vec::new();
    for bytes in chunks {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = next(decoder.decode(&mut chunk), as_text) {
            items.push(item);
        }
    }
    let last_event_id = as_text(decoder.last_event_id());
    Outcome {
        items,
        last_event_id,
    }
}

fn as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An item in the words of the test kit.
fn next<T>(
    decoded: Result<Option<Item<T>>, DecodeError>,
    own: impl FnMut(T) -> String,
) -> Option<testkit::Item> {
    Some(match decoded {
        Ok(item) => match item?.map(own) {
            Item::Event(event) => testkit::Item::Event {
                event_type: event.event_type,
                data: event.data,
                last_event_id: event.last_event_id,
            },
            Item::Retry(time) => {
                testkit::Item::Retry(u64::try_from(time.as_millis()).expect("at most u64::MAX"))
            }
            Item::Comment(text) => testkit::Item::Comment(text),
            other => panic!("an item that the tests do not know: {other:?}"),
        },
        Err(DecodeError::TooLarge { at, .. }) => testkit::Item::TooLarge(at),
        Err(other) => panic!("an error that the tests do not know: {other}"),
    })
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
