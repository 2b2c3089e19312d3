//! Tests the constructors and conversions of events, types and IDs.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    panic::catch_unwind,
    str::FromStr,
};

use sse_proto::{Chunk, Decoder, Event, EventId, EventType, InvalidValue, Item, MessageEvent};

const UPDATE: EventType = EventType::from_static("update");
const FIRST: EventId = EventId::from_static("1");
const DONE: Event = Event::from_static("[DONE]");

#[test]
fn constants() {
    let event = DONE.with_type(UPDATE).with_id(FIRST);
    assert_eq!(event.to_string(), "event: update\nid: 1\ndata: [DONE]\n\n");
    assert_eq!(EventType::from_static("").as_str(), "");
    assert_eq!(EventType::from_static("a\0").as_str(), "a\0");
    assert_eq!(EventId::from_static(""), EventId::default());
}

#[test]
fn from_static_panics_if_the_text_is_invalid() {
    for text in ["\r", "a\n", "\u{20AC}\r\n"] {
        assert!(catch_unwind(|| EventType::from_static(text)).is_err());
        assert!(catch_unwind(|| EventId::from_static(text)).is_err());
    }
    assert!(catch_unwind(|| EventId::from_static("a\0")).is_err());
}

#[test]
fn data_of_any_text() {
    let owned = String::from("hello");
    let borrowed: &str = &owned;
    let expected = Event::from_static("hello");
    assert_eq!(Event::new(borrowed), expected);
    assert_eq!(Event::new(Cow::Borrowed(borrowed)), expected);
    assert_eq!(Event::new(borrowed.to_owned().into_boxed_str()), expected);
    assert_eq!(Event::new(EventId::new(borrowed).unwrap()), expected);
    let address = owned.as_ptr();
    let event = Event::new(owned);
    assert_eq!(event, expected);
    assert_eq!(event.data().as_ptr(), address, "a `String` is moved");
}

#[test]
fn types_and_ids_of_any_text() {
    let owned = String::from("update");
    let borrowed: &str = &owned;
    assert_eq!(EventType::new(borrowed), Ok(UPDATE));
    assert_eq!(EventType::try_from(borrowed), Ok(UPDATE));
    assert_eq!(EventType::from_str(borrowed), Ok(UPDATE));
    let address = owned.as_ptr();
    let event_type = EventType::try_from(owned).unwrap();
    assert_eq!(event_type.as_str().as_ptr(), address, "a `String` is moved");
    let text = String::from(event_type);
    assert_eq!((text.as_ptr(), &*text), (address, "update"));

    let owned = String::from("1");
    let borrowed: &str = &owned;
    assert_eq!(EventId::new(borrowed), Ok(FIRST));
    assert_eq!(EventId::try_from(borrowed), Ok(FIRST));
    assert_eq!(EventId::from_str(borrowed), Ok(FIRST));
    assert_eq!(EventId::try_from(owned), Ok(FIRST));
    assert_eq!(String::from(FIRST), "1");
    assert_eq!(String::from(EventId::from(1)), "1");

    let error = EventType::try_from("a\nb").unwrap_err();
    assert_eq!((error.character(), error.offset()), ('\n', 1));
    let error = EventId::try_from(String::from("a\0")).unwrap_err();
    assert_eq!((error.character(), error.offset()), ('\0', 1));
}

#[test]
fn ids_of_numbers() {
    assert_eq!(EventId::from(7), "7");
    assert_eq!(EventId::from(u32::MAX), "4294967295");
    assert_eq!(EventId::from(u64::MAX), "18446744073709551615");
    assert_eq!(EventId::from(12_usize), "12");
    assert_eq!(EventId::from(i32::MIN), "-2147483648");
    assert_eq!(EventId::from(i64::MIN), "-9223372036854775808");
    assert_eq!(Event::new("a").with_id(7).to_string(), "id: 7\ndata: a\n\n");
}

#[test]
fn types_and_ids_are_keys_that_are_looked_up_as_text() {
    let ids = HashMap::from([(FIRST, 'a'), (EventId::from(2), 'b')]);
    assert_eq!(
        (ids.get("1"), ids.get("2"), ids.get("3")),
        (Some(&'a'), Some(&'b'), None)
    );
    let types = HashMap::from([(UPDATE, 'a')]);
    assert_eq!(types.get("update"), Some(&'a'));
    let ids = BTreeMap::from([(FIRST, 'a')]);
    assert_eq!(ids.get("1"), Some(&'a'));
    let types = BTreeMap::from([(UPDATE, 'a')]);
    assert_eq!(types.get("update"), Some(&'a'));
}

#[test]
fn types_and_ids_are_read_as_text() {
    fn text(text: impl AsRef<str>) -> String {
        text.as_ref().to_owned()
    }
    assert_eq!(
        (UPDATE.as_str(), &*UPDATE, text(UPDATE)),
        ("update", "update", "update".into())
    );
    assert_eq!(
        (FIRST.as_str(), &*FIRST, text(FIRST)),
        ("1", "1", "1".into())
    );
    let (owned_type, owned_id) = (String::from(UPDATE), String::from(FIRST));
    assert!(UPDATE == "update" && UPDATE == *"update" && UPDATE == owned_type);
    assert!(FIRST == "1" && FIRST == *"1" && FIRST == owned_id);
    assert_eq!(format!("{UPDATE:>7} {FIRST:<2}."), " update 1 .");
}

#[test]
fn dynamic_types_and_ids_in_one_line() {
    fn event(event_type: &str, id: &str) -> Result<Event, InvalidValue> {
        Event::new("a").try_with_type(event_type)?.try_with_id(id)
    }
    let wire = event("update", "1").unwrap().to_string();
    assert_eq!(wire, "event: update\nid: 1\ndata: a\n\n");
    assert_eq!(event("update\r", "1").unwrap_err().character(), '\r');
    assert_eq!(event("update", "\0").unwrap_err().character(), '\0');
}

#[test]
fn a_decoded_event_is_sent_on() {
    const STREAM: &str = "event: news\nid: 7\ndata: a\n\n";
    let mut decoder = Decoder::new();
    let mut chunk = Chunk::from(STREAM);
    let Ok(Some(Item::Event(owned))) = decoder.decode_owned(&mut chunk) else {
        panic!("an event");
    };
    let data = owned.data.as_ptr();
    let event = Event::try_from(owned).expect("a decoded event is valid");
    assert_eq!(event.to_string(), STREAM);
    assert_eq!(event.data().as_ptr(), data, "data is moved");

    // Borrowed strings are copied, and texts of other sources are validated.
    let event = Event::try_from(MessageEvent::new("message", "a", "")).unwrap();
    assert_eq!(event, Event::new("a"));
    for [event_type, id] in [["\n", "1"], ["news", "\0"]] {
        let event = MessageEvent::new(event_type.to_owned(), "a".to_owned(), id.to_owned());
        assert!(Event::try_from(event).is_err());
    }
}

#[cfg(feature = "json")]
#[test]
fn data_in_json() {
    let event = Event::json(&[1, 2])
        .expect("numbers can be JSON")
        .with_id(7);
    assert_eq!(event.to_string(), "id: 7\ndata: [1,2]\n\n");
    let received = MessageEvent::new("message", event.data(), "7");
    assert_eq!(received.json::<[u8; 2]>().expect("JSON"), [1, 2]);
}

#[cfg(feature = "bytes")]
#[test]
fn items_share_the_memory_of_a_chunk_of_bytes() {
    let bytes = bytes::Bytes::from_static(b"data: a\n\ndata: b\n\n");
    let mut decoder = Decoder::new();
    let mut next = |chunk: &mut Chunk<'_>| match decoder.decode_shared(chunk) {
        Ok(Some(Item::Event(event))) => event.data,
        other => panic!("{other:?}"),
    };
    let mut chunk = Chunk::from(&bytes);
    assert_eq!(next(&mut chunk).as_ptr(), bytes[6..].as_ptr());
    assert_eq!(chunk.taken(), 9);
    let data = next(&mut chunk);
    assert_eq!((data.as_ptr(), &*data), (bytes[15..].as_ptr(), &b"b"[..]));
    // A chunk without an owner is copied.
    assert_eq!(next(&mut Chunk::new(b"data: c\n\n")), "c");
}
