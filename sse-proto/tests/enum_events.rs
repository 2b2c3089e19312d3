//! Tests events that are variants of an enum.

use std::{collections::BTreeMap, error::Error, fmt::Debug};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sse_proto::{Chunk, Decoder, EnumError, Event, Item, MessageEvent};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Update {
    AllDone,
    Message(String),
    Price(u64),
    Maybe(Option<u64>),
    Pair(u8, String),
    #[serde(rename = "moved to", alias = "moved")]
    Moved {
        #[serde(rename = "X")]
        x: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    Inner(Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Inner {
    Unit,
    Lines { text: String },
}

fn received(wire: &str) -> MessageEvent<String> {
    let mut decoder = Decoder::new();
    let mut chunk = Chunk::from(wire);
    let item = decoder.decode(&mut chunk).expect("small");
    match item.map(|item| item.map(str::to_owned)) {
        Some(Item::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_round_trip<V: Serialize + DeserializeOwned + PartialEq + Debug>(value: V, wire: &str) {
    let event = Event::from_enum(&value).expect("a variant");
    assert_eq!(event.to_string(), wire);
    let read: V = received(wire).to_enum().expect("the same variant");
    assert_eq!(read, value);
}

#[test]
fn variants_of_all_kinds() {
    assert_round_trip(Update::AllDone, "event: all-done\ndata: null\n\n");
    assert_round_trip(Update::Price(7), "event: price\ndata: 7\n\n");
    assert_round_trip(Update::Maybe(None), "event: maybe\ndata: null\n\n");
    assert_round_trip(
        Update::Pair(1, "b".to_owned()),
        "event: pair\ndata: [1,\"b\"]\n\n",
    );
    let (x, note) = (-1, None);
    assert_round_trip(
        Update::Moved { x, note },
        "event: moved to\ndata: {\"X\":-1}\n\n",
    );
    assert_round_trip(
        Update::Inner(Inner::Unit),
        "event: inner\ndata: \"Unit\"\n\n",
    );
}

#[test]
fn the_type_message_is_the_default() {
    assert_round_trip(Update::Message("hi".to_owned()), "data: \"hi\"\n\n");
    let with_type: Update = received("event: message\ndata: \"hi\"\n\n")
        .to_enum()
        .expect("a message");
    assert_eq!(with_type, Update::Message("hi".to_owned()));
    let without: Update = MessageEvent::new("", "\"hi\"", "")
        .to_enum()
        .expect("a message");
    assert_eq!(without, with_type);
}

#[test]
fn line_ends_in_the_data_are_escaped() {
    let text = "a\nevent: forged\r\rb\r\n".to_owned();
    let wire = "event: inner\ndata: {\"Lines\":{\"text\":\"a\\nevent: forged\\r\\rb\\r\\n\"}}\n\n";
    assert_round_trip(Update::Inner(Inner::Lines { text }), wire);
}

#[test]
fn data_with_line_ends_between_its_values() {
    let event = received("event: moved\ndata: {\ndata: \"X\": 1\ndata: }\n\n");
    let (x, note) = (1, None);
    assert_eq!(
        event.to_enum::<Update>().expect("JSON"),
        Update::Moved { x, note }
    );
}

#[test]
fn borrowed_texts_and_bytes() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Text<'a> {
        Part(&'a str),
    }
    let event = MessageEvent::new(&b"Part"[..], &b"\"a\""[..], &b""[..]);
    assert_eq!(
        event.to_enum::<Text<'_>>().expect("a part"),
        Text::Part("a")
    );
}

#[test]
fn a_newtype_is_its_content() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapper(Box<Update>);
    assert_round_trip(
        Wrapper(Box::new(Update::Price(7))),
        "event: price\ndata: 7\n\n",
    );
}

#[test]
fn a_variant_without_content_has_any_data() {
    for wire in [
        "data\n\n",
        "data: {}\n\n",
        "data: not JSON\n\n",
        "data: null\n\n",
    ] {
        let event = received(&format!("event: all-done\n{wire}"));
        assert_eq!(event.to_enum::<Update>().expect(wire), Update::AllDone);
    }
}

#[test]
fn an_unknown_type_is_an_error_with_the_known_ones() {
    let error = received("event: new\ndata: 1\n\n")
        .to_enum::<Inner>()
        .unwrap_err();
    let EnumError::UnknownType {
        event_type, known, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((&**event_type, *known), ("new", &["Unit", "Lines"][..]));
    assert_eq!(
        error.to_string(),
        r#"no variant for the event type "new", known are ["Unit", "Lines"]"#
    );
    assert!(error.source().is_none());
}

#[test]
fn a_variant_for_other_types() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Known {
        One(u8),
        #[serde(other)]
        Other,
    }
    let event = |name, data| MessageEvent::new(name, data, "");
    assert_eq!(
        event("One", "1").to_enum::<Known>().expect("known"),
        Known::One(1)
    );
    for data in ["", "1", "not JSON"] {
        assert_eq!(
            event("Two", data).to_enum::<Known>().expect("other"),
            Known::Other
        );
    }
}

#[test]
fn a_name_that_the_wire_cannot_carry_is_an_error() {
    #[derive(Serialize)]
    enum Forged {
        #[serde(rename = "a\ndata: forged")]
        Unit,
        #[serde(rename = "a\rdata: forged")]
        Newtype(u8),
        #[serde(rename = "\n")]
        Tuple(u8, u8),
        #[serde(rename = "")]
        Struct { a: u8 },
    }
    for (value, name) in [
        (Forged::Unit, "a\ndata: forged"),
        (Forged::Newtype(1), "a\rdata: forged"),
        (Forged::Tuple(1, 2), "\n"),
        (Forged::Struct { a: 1 }, ""),
    ] {
        let error = Event::from_enum(&value).unwrap_err();
        assert!(matches!(error, EnumError::InvalidVariant { name: found, .. } if found == name));
        assert_eq!(
            error.to_string(),
            format!("variant {name:?} cannot be an event type: it is empty or has a line end")
        );
    }
}

#[test]
fn other_values_than_variants_are_rejected_with_their_type() {
    #[derive(Serialize, Deserialize)]
    struct Point {
        x: u8,
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        A { x: u8 },
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum Adjacent {
        A(u8),
    }
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        A(u8),
    }

    #[track_caller]
    fn assert_rejected<V: Serialize + DeserializeOwned>(value: V, name: &str) {
        let written = Event::from_enum(&value).unwrap_err();
        let Err(read) = MessageEvent::new("A", "1", "").to_enum::<V>() else {
            panic!("{name}: read");
        };
        for error in [written, read] {
            assert!(matches!(error, EnumError::NotAnEnum { .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(name), "{message}");
            assert!(
                message.ends_with(" is not an enum of the default representation"),
                "{message}"
            );
        }
    }

    assert_rejected(Point { x: 1 }, "Point");
    assert_rejected(Tagged::A { x: 1 }, "Tagged");
    assert_rejected(Adjacent::A(1), "Adjacent");
    assert_rejected(Untagged::A(1), "Untagged");
    assert_rejected(Some(Inner::Unit), "Option<");
    assert_rejected((), "()");
    assert_rejected(true, "bool");
    assert_rejected('a', "char");
    assert_rejected("text".to_owned(), "String");
    assert_rejected(7, "i32");
    assert_rejected(0.5, "f64");
    assert_rejected(vec![Inner::Unit], "Vec<");
    assert_rejected((Inner::Unit, 1), "(");
    assert_rejected(BTreeMap::from([("A".to_owned(), 1)]), "BTreeMap<");
}

#[test]
fn data_that_does_not_fit_is_an_error_with_its_cause() {
    for (name, data, cause) in [
        ("price", "", "EOF while parsing a value at line 1 column 0"),
        ("price", "7 7", "trailing characters at line 1 column 3"),
        (
            "pair",
            "[1]",
            "invalid length 1, expected tuple variant Update::Pair with 2 elements at line 1 column 3",
        ),
        (
            "moved",
            "{\"X\":true}",
            "invalid type: boolean `true`, expected i32 at line 1 column 9",
        ),
        (
            "inner",
            "\"Other\"",
            "unknown variant `Other`, expected `Unit` or `Lines` at line 1 column 7",
        ),
    ] {
        let error = MessageEvent::new(name, data, "")
            .to_enum::<Update>()
            .unwrap_err();
        assert!(matches!(error, EnumError::Data(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            "the data is not the content of the variant as JSON"
        );
        assert_eq!(error.source().expect("a cause").to_string(), cause);
    }

    #[derive(Serialize)]
    enum Keys {
        Map(BTreeMap<(u8, u8), u8>),
    }
    let error = Event::from_enum(&Keys::Map([((1, 2), 3)].into())).unwrap_err();
    assert_eq!(
        error.source().expect("a cause").to_string(),
        "key must be a string"
    );
}
