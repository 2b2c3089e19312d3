//! What a line means.

use core::time::Duration;

use memchr::memchr;

/// A line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Comment(&'a [u8]),
    Event(&'a [u8]),
    Data(&'a [u8]),
    Id(&'a [u8]),
    Retry(Duration),
    /// A field that is to be ignored, because of its name or its value.
    Ignored,
}

impl<'a> Field<'a> {
    /// Reads a line ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)):
    ///
    /// > If the line starts with a U+003A COLON character (:), ignore the line.
    /// >
    /// > If the line contains a U+003A COLON character (:), collect the characters on the line
    /// > before the first U+003A COLON character (:), and let *field* be that string. Collect the
    /// > characters on the line after the first U+003A COLON character (:), and let *value* be that
    /// > string. If *value* starts with a U+0020 SPACE character, remove it from *value*.
    /// >
    /// > Otherwise, the string is not empty but does not contain a U+003A COLON character (:):
    /// > process the field using the whole line as the field name, and the empty string as the field
    /// > value.
    pub(crate) fn parse(line: &'a [u8]) -> Self {
        let (name, value) = match memchr(b':', line) {
            None => (line, &line[line.len()..]),
            Some(0) => return Field::Comment(&line[1..]),
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
        };
        // "Field names must be compared literally, with no case folding performed."
        match name {
            b"data" => Field::Data(value),
            b"event" => Field::Event(value),
            // "If the field value does not contain U+0000 NULL, then set the last event ID buffer
            // to the field value. Otherwise, ignore the field."
            b"id" if memchr(0, value).is_none() => Field::Id(value),
            b"retry" => milliseconds(value).map_or(Field::Ignored, Field::Retry),
            _ => Field::Ignored,
        }
    }
}

/// "If the field value consists of only ASCII digits, then interpret the field value as an integer
/// in base ten." One that is larger than `u64::MAX` counts as `u64::MAX`.
fn milliseconds(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = value.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(Duration::from_millis(number))
}
