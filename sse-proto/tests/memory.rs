//! Tests the allocations of the codec: none per event, and never more than the limit allows.

use allocation_counter::measure;
use futures_util::StreamExt;
use sse_proto::{Chunk, DecodeError, Decoder, Event, EventId, EventType, Item, ItemStream};

#[test]
fn no_event_costs_an_allocation_once_the_buffers_have_grown() {
    for stream in streams() {
        for size in [1, 7, 64, 4096, stream.len()] {
            let mut decoder = Decoder::new();
            let grow = decode(&mut decoder, &stream, size);
            decoder.reset();
            let (mut events, mut bytes) = (0, 0);
            let text = measure(|| events = decode(&mut decoder, &stream, size));
            decoder.reset();
            let raw = measure(|| bytes = decode_bytes(&mut decoder, &stream, size));
            assert_eq!((events, bytes), (grow, grow));
            assert!(events > 90);
            assert_eq!(
                (text.count_total, raw.count_total),
                (0, 0),
                "chunks of {size}"
            );
        }
    }
}

#[test]
fn encoding_into_a_buffer_that_is_used_again_allocates_nothing() {
    let mut out = Vec::new();
    let events = events();
    let mut encode = || {
        out.clear();
        events.iter().for_each(|event| event.encode(&mut out));
    };
    encode();
    assert_eq!(measure(encode).count_total, 0);
}

/// Sends endless input of a hostile server: here at least 32 times the limit.
#[test]
fn no_stream_makes_it_hold_more_than_the_limit_allows() {
    const LIMIT: usize = 256 * 1024;
    let endless: [(&str, &[u8], usize); 7] = [
        ("a line", b"x", 1),
        ("a line of data", b"x", 1),
        ("data", b"data: some text of a line\n", 1),
        ("data that is empty", b"data\n", 1),
        ("types and IDs", b"event: some type\nid: some id\n", 0),
        ("comments", b": some comment\n", 0),
        ("ignored fields", b"foo: bar\nretry: 1x\n", 0),
    ];
    for (what, repeated, errors) in endless {
        for size in [999, 64 * 1024] {
            let start = if what == "a line of data" {
                "data: "
            } else {
                ""
            };
            let body = repeated.repeat(size / repeated.len() + 1);
            let mut seen = Decoded::default();
            let memory = measure(|| {
                let mut decoder = Decoder::new().max_event_bytes(LIMIT);
                seen.decode(&mut decoder, start.as_bytes());
                for _ in 0..32 * LIMIT / body.len() {
                    seen.decode(&mut decoder, &body);
                }
                seen.decode(&mut decoder, b"\n\ndata: after\n\n");
            });
            assert!(memory.bytes_max <= 3 * LIMIT as u64, "{what}: {memory:?}");
            assert_eq!(seen.errors.len(), errors, "{what}");
            assert_eq!(seen.last_data, "after", "{what}: it resynchronizes");
        }
    }
}

/// Text that is not UTF-8 grows to three times its size when it is decoded.
#[test]
fn invalid_utf8_takes_a_bounded_multiple_of_the_limit() {
    const LIMIT: usize = 64 * 1024;
    let body = [&b"data: "[..], &[0xFF; 60_000], b"\n\n"].concat();
    let mut seen = Decoded::default();
    let memory = measure(|| {
        let mut decoder = Decoder::new().max_event_bytes(LIMIT);
        for _ in 0..100 {
            body.chunks(1000)
                .for_each(|chunk| seen.decode(&mut decoder, chunk));
        }
    });
    assert!(
        memory.bytes_max <= 8 * LIMIT as u64 + 3 * LIMIT as u64,
        "{memory:?}"
    );
    assert_eq!((seen.events, seen.errors.len()), (100, 0));
}

/// All owned events after an ID share one copy of it.
#[test]
fn events_that_are_kept_share_a_long_id() {
    const EVENTS: usize = 10_000;
    const ID: usize = 8 * 1024;
    let stream = [
        format!("id: {}\n\n", "x".repeat(ID)),
        "data\n\n".repeat(EVENTS),
    ]
    .concat();
    let id = |memory: u64| memory / EVENTS as u64;

    let mut kept = Vec::with_capacity(EVENTS);
    let chunks = || futures_util::stream::iter([Ok::<_, core::convert::Infallible>(&stream)]);
    let memory = measure(|| {
        let items = ItemStream::new(chunks());
        kept = futures_executor::block_on(items.collect::<Vec<_>>());
    });
    assert_eq!(kept.len(), EVENTS);
    let Some(Ok(Item::Event(last))) = kept.last() else {
        panic!("an event");
    };
    assert_eq!(last.last_event_id.len(), ID);
    // Size of an event: an item in a vector that has doubled, the string "message", and no ID.
    let size = size_of_val(&kept[0]) as u64;
    assert!(id(memory.bytes_max) < 4 * size + 64, "{memory:?}");

    let mut kept = Vec::with_capacity(EVENTS);
    let input = bytes::Bytes::from(stream);
    let memory = measure(|| {
        let mut decoder = Decoder::new();
        let mut chunk = Chunk::from(&input);
        while let Some(item) = decoder.decode_shared(&mut chunk).expect("no error") {
            kept.push(item);
        }
    });
    assert_eq!(kept.len(), EVENTS);
    assert!(id(memory.bytes_max) < 64, "{memory:?}");
}

/// An ID of any length costs at most the limit after its line has ended.
#[test]
fn an_id_that_is_too_long_is_not_held() {
    let stream = format!("id: {}\n\ndata\n\n", "x".repeat(15_000_000));
    let mut decoder = Decoder::new();
    let mut seen = Decoded::default();
    seen.decode(&mut decoder, stream.as_bytes());
    assert_eq!((seen.events, seen.errors.len()), (1, 1));
    assert_eq!(
        seen.errors[0].to_string(),
        "event ID at byte 0 of the stream is 15000000 bytes, limit is 8192"
    );
    assert_eq!(decoder.last_event_id(), "");
}

#[test]
fn the_error_says_what_and_where() {
    let mut seen = Decoded::default();
    let mut decoder = Decoder::new().max_event_bytes(16);
    seen.decode(&mut decoder, b"data: a\n\ndata: 12345678901\n\ndata: b\n\n");
    assert_eq!(
        seen.errors[0].to_string(),
        "the event at byte 9 of the stream is larger than the limit of 16 bytes"
    );
    assert_eq!((seen.events, seen.last_data.as_str()), (2, "b"));
}

/// A proxy moves the strings of an owned event, and shares its ID.
#[test]
fn an_owned_event_is_sent_on_without_a_copy() {
    let text = "x".repeat(1000);
    let stream = format!("event: {text}\nid: {text}\ndata: {text}\n\n").repeat(2);
    let mut decoder = Decoder::new();
    let mut chunk = Chunk::from(&*stream);
    for _ in 0..2 {
        let Ok(Some(Item::Event(decoded))) = decoder.decode_owned(&mut chunk) else {
            panic!("an event");
        };
        let mut event = None;
        let memory = measure(|| event = Event::try_from(decoded).ok());
        let event = event.expect("a decoded event is valid");
        assert_eq!(memory.count_total, 0, "{memory:?}");
        assert_eq!(
            [event.event_type(), event.data(), event.last_event_id()],
            [&*text; 3]
        );
    }
}

#[test]
fn static_text_is_not_copied() {
    let memory = measure(|| {
        let event = Event::from_static("hello")
            .with_type(EventType::from_static("greeting"))
            .with_id(EventId::from_static("7"));
        assert_eq!(event.data(), "hello");
    });
    assert_eq!(memory.count_total, 0);
}

/// Output of a decoder.
#[derive(Default)]
struct Decoded {
    events: usize,
    last_data: String,
    errors: Vec<DecodeError>,
}

impl Decoded {
    fn decode(&mut self, decoder: &mut Decoder, bytes: &[u8]) {
        let mut chunk = Chunk::new(bytes);
        loop {
            match decoder.decode(&mut chunk) {
                Ok(None) => return,
                Ok(Some(Item::Event(event))) => {
                    self.events += 1;
                    event.data.clone_into(&mut self.last_data);
                }
                Ok(Some(_)) => {}
                Err(error) => self.errors.push(error),
            }
        }
    }
}

fn decode(decoder: &mut Decoder, stream: &[u8], size: usize) -> usize {
    let mut events = 0;
    for bytes in stream.chunks(size) {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = decoder.decode(&mut chunk).expect("nothing is too large") {
            events += usize::from(matches!(item, Item::Event(_)));
        }
    }
    events
}

fn decode_bytes(decoder: &mut Decoder, stream: &[u8], size: usize) -> usize {
    let mut events = 0;
    for bytes in stream.chunks(size) {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = decoder
            .decode_bytes(&mut chunk)
            .expect("nothing is too large")
        {
            events += usize::from(matches!(item, Item::Event(_)));
        }
    }
    events
}

fn events() -> Vec<Event> {
    let event_type = EventType::from_static("update");
    (0..100)
        .map(|n| {
            Event::new(["text €"; 9].join("\n").repeat(1 + n as usize % 7))
                .with_type(event_type.clone())
                .with_id(n)
                .with_retry(core::time::Duration::from_secs(n))
        })
        .collect()
}

/// Returns plain events, events with all fields, and events that are not UTF-8.
fn streams() -> [Vec<u8>; 3] {
    let mut full = Vec::new();
    for event in events() {
        event.encode(&mut full);
    }
    let faulty = b"event: \xE2\x82\ndata: a\xFFb\n: \xF0\n\n".repeat(100);
    [b"data: some text\n\n".repeat(100), full, faulty]
}
