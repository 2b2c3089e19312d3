//! Helpers for the tests and the fuzz targets.
#![allow(dead_code, reason = "not every test uses all helpers")]

use core::time::Duration;

use sse_proto::{
    Chunk, Comment, DEFAULT_MAX_EVENT_BYTES, DEFAULT_MAX_ID_BYTES, DecodeError, Decoder, Event,
    EventId, EventType, Item, SliceDecoder,
};
use testkit::{Outcome, reference};

/// Limits of a decoder, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) event: usize,
    pub(crate) id: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl Limits {
    pub(crate) fn new(event: Option<usize>, id: Option<usize>) -> Self {
        Self {
            event: event.unwrap_or(DEFAULT_MAX_EVENT_BYTES),
            id: id.unwrap_or(DEFAULT_MAX_ID_BYTES),
        }
    }

    pub(crate) fn decoder(self) -> Decoder {
        Decoder::new()
            .max_event_bytes(self.event)
            .max_id_bytes(self.id)
    }
}

/// Decodes the stream with every decoder, and asserts that all results are equal.
pub(crate) fn decode(limits: Limits, chunks: &[&[u8]]) -> Outcome {
    let outcome = decode_text(limits.decoder(), chunks);
    assert_same_end(limits, chunks, &outcome);
    assert_eq!(
        decode_bytes(limits.decoder(), chunks, false),
        outcome,
        "as bytes"
    );
    assert_eq!(
        without_offsets(decode_bytes(limits.decoder(), chunks, true)),
        without_offsets(outcome.clone()),
        "with stops"
    );
    for stops in [false, true] {
        assert_eq!(
            decode_owned(limits.decoder(), chunks, stops),
            outcome,
            "owned, stops: {stops}"
        );
    }

    // The memory is large enough for this stream, but not larger than the limit. Text can be three times as long
    // as its bytes.
    let length: usize = chunks.iter().map(|chunk| chunk.len() + 1).sum();
    let (mut data, mut names) = (vec![0; limits.event.min(length)], vec![0; 9 * length]);
    let slices = SliceDecoder::new(&mut data, &mut names).max_id_bytes(limits.id);
    assert_eq!(decode_slice(slices, chunks), outcome, "no alloc");
    let slices = SliceDecoder::new(&mut data, &mut names).max_id_bytes(limits.id);
    let slices = decode_slice(slices.comments(false), chunks);
    let without_comments = || limits.decoder().comments(false);
    let events = decode_text(without_comments(), chunks);
    assert_eq!(
        decode_text(without_comments(), &[&chunks.concat()]),
        events,
        "without comments, in one chunk"
    );
    assert_eq!(slices, events, "without comments, no alloc");
    // A dropped comment cannot be too large.
    let too_large = |item: &testkit::Item| matches!(item, testkit::Item::TooLarge(_));
    if !outcome.items.iter().any(too_large) {
        let mut expected = outcome.clone();
        expected
            .items
            .retain(|item| !matches!(item, testkit::Item::Comment(_)));
        assert_eq!(events, expected, "without comments");
    }
    outcome
}

/// Asserts that the chunking does not change whether the stream ends inside an event.
fn assert_same_end(limits: Limits, chunks: &[&[u8]], outcome: &Outcome) {
    let stream = chunks.concat();
    let is_inside_event = |chunks: &[&[u8]]| {
        let mut decoder = limits.decoder();
        for bytes in chunks {
            let mut chunk = Chunk::new(bytes);
            while decoder.decode(&mut chunk) != Ok(None) {}
        }
        decoder.is_inside_event()
    };
    let is_inside = is_inside_event(&[&stream]);
    assert_eq!(
        is_inside_event(chunks),
        is_inside,
        "inside an event, cut: {:?}",
        String::from_utf8_lossy(&stream)
    );
    let is_too_large = |item: &testkit::Item| matches!(item, testkit::Item::TooLarge(_));
    if !outcome.items.iter().any(is_too_large) {
        let expected = reference::is_inside_event(&stream, limits.id);
        assert_eq!(
            is_inside,
            expected,
            "inside an event: {:?}",
            String::from_utf8_lossy(&stream)
        );
    }
}

/// Removes the positions of errors. They are not known if the caller has dropped the chunk in which the event
/// started.
fn without_offsets(mut outcome: Outcome) -> Outcome {
    for item in &mut outcome.items {
        if let testkit::Item::TooLarge(at) | testkit::Item::IdTooLong(at) = item {
            *at = 0;
        }
    }
    outcome
}

fn decode_text(mut decoder: Decoder, chunks: &[&[u8]]) -> Outcome {
    let mut items = Vec::new();
    for bytes in chunks {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = next(decoder.decode(&mut chunk), str::to_owned) {
            items.push(item);
        }
        assert!(chunk.rest().is_empty(), "the chunk is empty after `None`");
    }
    let last_event_id = decoder.last_event_id().to_owned();
    Outcome {
        items,
        last_event_id,
    }
}

/// Decodes to bytes. With `stops`, the rest of the chunk becomes a new chunk after each item.
fn decode_bytes(mut decoder: Decoder, chunks: &[&[u8]], stops: bool) -> Outcome {
    let mut items = Vec::new();
    for bytes in chunks {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = next(decoder.decode_bytes(&mut chunk), as_text) {
            items.push(item);
            if stops {
                chunk = Chunk::new(chunk.rest());
            }
        }
    }
    let last_event_id = decoder.last_event_id().to_owned();
    Outcome {
        items,
        last_event_id,
    }
}

/// Decodes to owned items. With `stops`, the rest of the chunk becomes a new chunk after each item.
fn decode_owned(mut decoder: Decoder, chunks: &[&[u8]], stops: bool) -> Outcome {
    let mut items = Vec::new();
    for bytes in chunks {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = next(decoder.decode_owned(&mut chunk), |text| text) {
            items.push(item);
            if stops {
                chunk = Chunk::new(&bytes[bytes.len() - chunk.rest().len()..]);
            }
        }
        assert!(chunk.rest().is_empty(), "the chunk is empty after `None`");
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

pub(crate) fn as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Converts an item to the type of the test kit.
pub(crate) fn next<T, I: AsRef<[u8]>>(
    decoded: Result<Option<Item<T, I>>, DecodeError>,
    mut own: impl FnMut(T) -> String,
) -> Option<testkit::Item> {
    Some(match decoded {
        Ok(item) => match item? {
            Item::Event(event) => testkit::Item::Event {
                event_type: own(event.event_type),
                data: own(event.data),
                last_event_id: as_text(event.last_event_id.as_ref()),
            },
            Item::Retry(time) => {
                testkit::Item::Retry(u64::try_from(time.as_millis()).expect("at most u64::MAX"))
            }
            Item::Comment(text) => testkit::Item::Comment(own(text)),
            _ => panic!("unknown item"),
        },
        Err(DecodeError::TooLarge { offset, .. }) => testkit::Item::TooLarge(offset),
        Err(DecodeError::IdTooLong { offset, .. }) => testkit::Item::IdTooLong(offset),
        Err(other) => panic!("unknown error: {other}"),
    })
}

/// Encodes an event of these strings between two comments, and decodes the result. Asserts that each string is
/// either rejected, with the position of the fault, or received unchanged.
pub(crate) fn assert_nothing_is_forged(event_type: &str, data: &str, id: &str, comment: &str) {
    let mut sent = Event::new(data);
    match EventType::new(event_type) {
        Ok(valid) => sent = sent.with_type(valid),
        Err(error) => assert!(event_type[error.offset()..].starts_with(error.character())),
    }
    match EventId::new(id) {
        Ok(valid) => sent = sent.with_id(valid),
        Err(error) => assert!(id[error.offset()..].starts_with(error.character())),
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

/// Splits any bytes into four strings, at bytes that never occur in text.
pub(crate) fn strings(input: &[u8]) -> [String; 4] {
    let mut parts = input.split(|byte| *byte == 0xFF).map(as_text);
    core::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// Creates an event of a type, data, an ID and a reconnection time. Characters that are invalid in a field are
/// removed. The length of the last string is the time. An empty ID or time is not set.
pub(crate) fn event([event_type, data, id, retry]: [String; 4]) -> Event {
    let mut event = Event::new(data);
    if let Ok(event_type) = EventType::new(event_type.replace(['\r', '\n'], "")) {
        event = event.with_type(event_type);
    }
    if let Some(id) = Some(id).filter(|id| !id.is_empty()) {
        let id = id.replace(['\r', '\n', '\0'], "");
        event = event.with_id(EventId::new(id).expect("no invalid characters"));
    }
    if !retry.is_empty() {
        event = event.with_retry(Duration::from_millis(retry.len() as u64));
    }
    event
}

/// Returns the items that a decoder returns for an event that is sent after the items in `before`.
pub(crate) fn as_decoded(event: &Event, before: &[testkit::Item]) -> Vec<testkit::Item> {
    let last_event_id = before.iter().rev().find_map(|item| match item {
        testkit::Item::Event { last_event_id, .. } => Some(last_event_id.clone()),
        _ => None,
    });
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).expect("at most u64::MAX");
    let retry = event
        .retry()
        .map(|time| testkit::Item::Retry(milliseconds(time)));
    let decoded = testkit::Item::Event {
        event_type: event.event_type().to_owned(),
        data: as_read(event.data()),
        last_event_id: match event.id() {
            Some(id) => id.to_string(),
            None => last_event_id.unwrap_or_default(),
        },
    };
    retry.into_iter().chain([decoded]).collect()
}

/// Returns the text as it is received: each line end is an LF.
pub(crate) fn as_read(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
