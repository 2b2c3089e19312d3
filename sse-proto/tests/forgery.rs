//! Values of `testdata/forgery/`, which forged fields in other encoders: each is refused, or arrives as it was given.

use sse_proto::{Comment, Encoded, Event, EventId, EventType, InvalidValue};
use testkit::forgery::{Field, Forgery, Verdict, forgeries};

#[test]
fn no_value_forges_a_field() {
    for forgery in forgeries() {
        for (encoder, wire) in wires(&forgery).into_iter().flatten() {
            let verdict = forgery.judge(&wire);
            assert_eq!(verdict, Verdict::Carried, "{encoder}: {forgery:?}");
        }
    }
}

#[test]
fn only_values_that_cannot_be_sent_are_refused() {
    for forgery in forgeries() {
        let cannot_be_sent = match forgery.field {
            Field::Type => forgery.value.contains(['\r', '\n']),
            Field::Id => forgery.value.contains(['\r', '\n', '\0']),
            Field::Data | Field::Comment => false,
        };
        assert_eq!(wires(&forgery).is_err(), cannot_be_sent, "{forgery:?}");
    }
}

/// Returns what each encoder makes of the value.
fn wires(forgery: &Forgery) -> Result<Vec<(&'static str, Vec<u8>)>, InvalidValue> {
    let mut wire = Vec::new();
    if forgery.field == Field::Comment {
        let comment = Comment::new(&forgery.value);
        comment.encode(&mut wire);
        return Ok(vec![
            ("comment", wire),
            ("displayed comment", comment.to_string().into_bytes()),
            ("shared comment", Encoded::from(comment).as_bytes().to_vec()),
        ]);
    }
    let mut event = Event::new(forgery.data());
    if let Some(text) = forgery.event_type() {
        assert_eq!(
            event.clone().try_with_type(text).is_ok(),
            EventType::new(text).is_ok()
        );
        event = event.try_with_type(text)?;
    }
    if let Some(text) = forgery.event_id() {
        assert_eq!(
            event.clone().try_with_id(text).is_ok(),
            EventId::new(text).is_ok()
        );
        event = event.try_with_id(text)?;
    }
    event.encode(&mut wire);
    Ok(vec![
        ("event", wire),
        ("displayed event", event.to_string().into_bytes()),
        ("shared event", Encoded::from(&event).as_bytes().to_vec()),
    ])
}
