//! Runs every case of `testdata/` through every path, and tests the properties of the codec.

mod support;

use core::time::Duration;

use proptest::{collection::vec, prelude::*};
use sse_proto::{Chunk, Comment, Decoder, Event, EventId, EventType, Item as Decoded};
use support::{Limits, as_decoded, assert_nothing_is_forged, decode};
use testkit::{
    cases::{Sent, decode_cases, encode_cases},
    chunks::{cut_at, every_way},
    reference,
};

#[test]
fn every_case_decodes_the_same_however_it_is_cut() {
    for case in decode_cases() {
        for chunks in every_way(&case.stream) {
            assert_eq!(
                decode(Limits::new(case.limit, case.max_id_bytes), &chunks),
                case.outcome,
                "{}: {chunks:?}",
                case.name
            );
        }
    }
}

#[test]
fn every_case_encodes_to_its_bytes() {
    for case in encode_cases() {
        let mut wire = Vec::new();
        let shown = match &case.sent {
            Sent::Comment(text) => {
                Comment::new(text).encode(&mut wire);
                Comment::new(text).to_string()
            }
            Sent::Event {
                event_type,
                data,
                id,
                retry,
            } => {
                let event = event(event_type.clone(), data.clone(), id.clone(), *retry);
                event.encode(&mut wire);
                event.to_string()
            }
        };
        assert_eq!(String::from_utf8_lossy(&wire), case.wire, "{}", case.name);
        assert_eq!(
            shown, case.wire,
            "{}: Display equals the encoding",
            case.name
        );
    }
}

#[test]
fn types_and_ids_refuse_what_the_wire_cannot_carry() {
    for (text, at) in [("\n", 0), ("a\r", 1), ("€\r\n", 3)] {
        assert_eq!(EventType::new(text).unwrap_err().offset(), at);
        assert_eq!(EventId::new(text).unwrap_err().offset(), at);
    }
    assert!(EventType::new("a\0").is_ok(), "NUL is allowed in a type");
    let error = EventId::new("a\0").unwrap_err();
    assert_eq!(error.character(), '\0');
    assert_eq!(
        error.to_string(),
        "event ID: NUL at byte 1 would make readers ignore the field"
    );
}

#[test]
fn a_decoded_event_can_be_kept_and_sent_on() {
    let mut decoder = Decoder::new();
    let mut chunk = Chunk::from("event: e\nid: 1\ndata: a\n\ndata: b\n\n");
    let mut kept = Vec::new();
    while let Some(item) = decoder.decode(&mut chunk).unwrap() {
        if let Decoded::Event(event) = item {
            kept.push(Event::try_from(event).expect("a decoded event is valid"));
        }
    }
    assert_eq!(
        kept[0],
        event(Some("e".into()), "a".into(), Some("1".into()), None)
    );
    assert_eq!(kept[1].to_string(), "id: 1\ndata: b\n\n");
}

/// Generates bytes with many pieces that are special for the decoder.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"data",
        b"event",
        b"id",
        b"retry",
        b":",
        b": ",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"12",
        b"\0",
        b"\xEF\xBB\xBF",
        b"\xE2\x82\xAC",
        b"\xF0\x9F",
        b"data: a\n",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Generates text with many characters that are special on the wire.
fn text() -> impl Strategy<Value = String> {
    const SPECIAL: &[char] = &['\r', '\n', '\0', ':', ' ', 'a', '€', '\u{FEFF}', '\u{2028}'];
    let character = prop_oneof![3 => prop::sample::select(SPECIAL), 1 => any::<char>()];
    vec(character, 0..24).prop_map(String::from_iter)
}

fn event(
    event_type: Option<String>,
    data: String,
    id: Option<String>,
    retry: Option<u64>,
) -> Event {
    let mut event = Event::new(data);
    if let Some(text) = event_type {
        event = event.with_type(EventType::new(text).expect("a valid type"));
    }
    if let Some(text) = id {
        event = event.with_id(EventId::new(text).expect("a valid ID"));
    }
    if let Some(milliseconds) = retry {
        event = event.with_retry(Duration::from_millis(milliseconds));
    }
    event
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_decodes_as_the_standard_says_under_any_cuts(
        stream in stream(),
        cuts in vec(any::<usize>(), 0..6),
    ) {
        let expected = reference::interpret(&stream);
        prop_assert_eq!(&decode(Limits::default(), &cut_at(&stream, &cuts)), &expected);
        prop_assert_eq!(&decode(Limits::default(), &[&stream]), &expected);
    }

    #[test]
    fn a_limit_is_the_same_under_any_cuts(
        stream in stream(),
        cuts in vec(any::<usize>(), 0..6),
        limit in 0_usize..40,
        max_id_bytes in 0_usize..8,
    ) {
        let limits = Limits::new(Some(limit), Some(max_id_bytes));
        let whole = decode(limits, &[&stream]);
        prop_assert_eq!(decode(limits, &cut_at(&stream, &cuts)), whole);
    }

    #[test]
    fn a_limit_on_ids_is_as_the_reference_has_it(
        stream in stream(),
        cuts in vec(any::<usize>(), 0..6),
        max_id_bytes in 0_usize..8,
    ) {
        let expected = reference::interpret_with(&stream, max_id_bytes);
        let limits = Limits::new(None, Some(max_id_bytes));
        prop_assert_eq!(decode(limits, &cut_at(&stream, &cuts)), expected);
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same(
        sent in vec([text(), text(), text(), text()], 0..4),
        cuts in vec(any::<usize>(), 0..6),
    ) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for event in sent.into_iter().map(support::event) {
            event.encode(&mut wire);
            expected.extend(as_decoded(&event, &expected));
        }
        prop_assert_eq!(decode(Limits::default(), &cut_at(&wire, &cuts)).items, expected);
    }

    #[test]
    fn nothing_can_be_forged(event_type in text(), data in text(), id in text(), comment in text()) {
        assert_nothing_is_forged(&event_type, &data, &id, &comment);
    }
}
