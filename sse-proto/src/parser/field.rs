//! Parsing of a line into a field.

use core::time::Duration;

/// Field or comment: a line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Comment(&'a [u8]),
    Event(&'a [u8]),
    Data(&'a [u8]),
    Id(&'a [u8]),
    Retry(Duration),
    /// Field that is ignored because of its name or its value.
    Ignored,
}

impl<'a> Field<'a> {
    /// Parses a line
    /// ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)):
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
    ///
    /// A value always ends where its line ends.
    #[inline(always)]
    pub(crate) fn parse(line: &'a [u8]) -> Self {
        // "Field names must be compared literally, with no case folding performed."
        match line {
            [b':', text @ ..] => Field::Comment(text),
            [b'd', b'a', b't', b'a', b':', value @ ..] => Field::Data(without_space(value)),
            [b'e', b'v', b'e', b'n', b't', b':', value @ ..] => Field::Event(without_space(value)),
            [b'i', b'd', b':', value @ ..] => id(without_space(value)),
            [b'r', b'e', b't', b'r', b'y', b':', value @ ..] => retry(without_space(value)),
            b"data" => Field::Data(b""),
            b"event" => Field::Event(b""),
            b"id" => Field::Id(b""),
            // "Otherwise, the field is ignored."
            _ => Field::Ignored,
        }
    }
}

fn id(value: &[u8]) -> Field<'_> {
    if is_id(value) {
        Field::Id(value)
    } else {
        Field::Ignored
    }
}

fn retry<'a>(value: &[u8]) -> Field<'a> {
    reconnection_time(value).map_or(Field::Ignored, Field::Retry)
}

/// Returns whether the value is a valid ID: "If the field value does not contain U+0000 NULL, then set the last
/// event ID buffer to the field value. Otherwise, ignore the field."
#[inline]
pub(crate) fn is_id(value: &[u8]) -> bool {
    !value.contains(&0)
}

/// Parses a reconnection time: "If the field value consists of only ASCII digits, then interpret the field value
/// as an integer in base ten, and set the event stream's reconnection time to that integer. Otherwise, ignore the
/// field."
#[inline]
pub(crate) fn reconnection_time(value: &[u8]) -> Option<Duration> {
    integer(value).map(Duration::from_millis)
}

/// Parses an integer of "only ASCII digits": at least one digit, without a sign. A number that is larger than
/// `u64::MAX` counts as `u64::MAX`.
#[inline]
pub(crate) fn integer(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.saturating_mul(10).saturating_add(digit.into());
    }
    (!digits.is_empty()).then_some(number)
}

/// Removes one leading space: "If *value* starts with a U+0020 SPACE character, remove it from *value*."
#[inline]
pub(crate) fn without_space(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}

/// Returns the start of the value of an incomplete `data` line. `None` if it is not yet known that the line is a
/// `data` line, or where its value starts.
pub(crate) fn partial_data_value(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"data:")?;
    (!value.is_empty()).then(|| without_space(value))
}
