//! Encoding of events and comments.
//!
//! A value is one line on the wire, so no value may contain a line end. Types and IDs cannot contain one. Data and
//! comments are split at line ends, and each part is written as a line of its own. This is enough to prevent
//! forged fields.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use super::{Event, EventId};
use crate::parser::line::find_line_end;

impl Event {
    /// Appends the block of the event: `event`, `id`, `retry`, one `data` line for each line of data, and the
    /// blank line that dispatches it
    /// ([9.2.5](https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream)).
    ///
    /// Only `out` allocates memory.
    pub fn encode(&self, out: &mut impl Output) {
        self.encode_with(self.id(), self.retry(), out);
    }

    /// Appends the block of the event, with this ID and this reconnection time instead of its own.
    ///
    /// Use this to assign IDs without cloning the event.
    ///
    /// ```
    /// use sse_proto::{Event, EventId};
    ///
    /// let event = Event::new("hello").with_id(EventId::from(1));
    /// let mut wire = String::new();
    /// event.encode_with(Some(&EventId::from(4711)), event.retry(), &mut wire);
    /// assert_eq!(wire, "id: 4711\ndata: hello\n\n");
    /// ```
    #[inline]
    pub fn encode_with(
        &self,
        id: Option<&EventId>,
        reconnection_time: Option<Duration>,
        out: &mut impl Output,
    ) {
        // Room for one line of data. Counting the lines first costs more than a second `reserve`.
        const OVERHEAD_BYTES: usize = "event: \nid: \nretry: \ndata: \n\n".len() + 20;
        let event_type = self.type_field().map_or("", |value| value.as_str());
        let id_length = id.map_or(0, |id| id.as_str().len());
        out.reserve(OVERHEAD_BYTES + event_type.len() + id_length + self.data().len());

        if let Some(event_type) = self.type_field() {
            field(out, "event: ", event_type.as_str());
        }
        if let Some(id) = id {
            field(out, "id: ", id.as_str());
        }
        if let Some(reconnection_time) = reconnection_time {
            retry(out, reconnection_time);
        }
        lines(out, "data: ", self.data());
    }
}

/// Formats the event as it is encoded.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(f, |out| self.encode(out))
    }
}

/// Comment: text that is sent over the wire but is not part of an event.
///
/// Send comments at intervals to keep a quiet connection open.
///
/// ```
/// use sse_proto::Comment;
///
/// assert_eq!(Comment::new(" two\r lines").to_string(), ": two\n: lines\n\n");
/// assert_eq!(Comment::default().to_string(), ":\n\n");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Comment<'a>(&'a str);

impl<'a> Comment<'a> {
    /// Creates a comment with this text. Any text is valid: each of its lines becomes a comment line.
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Appends the comment lines, and a blank line that separates the comment from the next event.
    pub fn encode(&self, out: &mut impl Output) {
        out.reserve(self.0.len() + ":\n\n".len());
        lines(out, ":", self.0);
    }
}

/// Formats the comment as it is encoded.
impl fmt::Display for Comment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(f, |out| self.encode(out))
    }
}

/// Destination of encoded text: `Vec<u8>`, `String`, and `BytesMut` with the feature `bytes`.
///
/// Each `encode` appends, so several events can be encoded into one buffer:
///
/// ```
/// use sse_proto::Event;
///
/// let mut wire = Vec::new();
/// for text in ["one", "two"] {
///     Event::new(text).encode(&mut wire);
/// }
/// assert_eq!(wire, b"data: one\n\ndata: two\n\n");
/// ```
pub trait Output {
    /// Reserves room for about `additional` more bytes. This is only a hint.
    fn reserve(&mut self, additional: usize) {
        let _ = additional;
    }

    /// Appends the text.
    fn push_str(&mut self, text: &str);
}

impl Output for Vec<u8> {
    fn reserve(&mut self, additional: usize) {
        Self::reserve(self, additional);
    }

    #[inline]
    fn push_str(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

impl Output for String {
    fn reserve(&mut self, additional: usize) {
        Self::reserve(self, additional);
    }

    fn push_str(&mut self, text: &str) {
        Self::push_str(self, text);
    }
}

#[cfg(feature = "bytes")]
impl Output for bytes::BytesMut {
    fn reserve(&mut self, additional: usize) {
        Self::reserve(self, additional);
    }

    #[inline]
    fn push_str(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

/// Appends one line: `name` with its colon, and a value without line ends.
#[inline]
fn field(out: &mut impl Output, name: &str, value: &str) {
    out.push_str(name);
    out.push_str(value);
    out.push_str("\n");
}

/// Appends one line for each line of the text, and a blank line.
///
/// The text is split as a decoder would split it: at CR LF, at LF, and at a CR without LF.
#[inline]
fn lines(out: &mut impl Output, name: &str, text: &str) {
    let mut rest = text;
    while let Some(end) = find_line_end(rest.as_bytes()) {
        out.push_str(name);
        // An LF in the text also ends the line on the wire.
        let (line, next) = match rest.as_bytes()[end..] {
            [b'\n', ..] => (end + 1, end + 1),
            [b'\r', b'\n', ..] => (end, end + 2),
            _ => (end, end + 1),
        };
        out.push_str(&rest[..line]);
        if line == end {
            out.push_str("\n");
        }
        rest = &rest[next..];
    }
    out.push_str(name);
    out.push_str(rest);
    out.push_str("\n\n");
}

/// Appends the `retry` line.
fn retry(out: &mut impl Output, reconnection_time: Duration) {
    let milliseconds = u64::try_from(reconnection_time.as_millis()).unwrap_or(u64::MAX);
    field(out, "retry: ", decimal(milliseconds, &mut [0; 20]));
}

/// Runs an encoder with a formatter as its output.
fn display(
    f: &mut fmt::Formatter<'_>,
    encode: impl FnOnce(&mut FormatterOutput<'_, '_>),
) -> fmt::Result {
    let mut out = FormatterOutput {
        formatter: f,
        result: Ok(()),
    };
    encode(&mut out);
    out.result
}

struct FormatterOutput<'a, 'f> {
    formatter: &'a mut fmt::Formatter<'f>,
    result: fmt::Result,
}

impl Output for FormatterOutput<'_, '_> {
    fn push_str(&mut self, text: &str) {
        self.result = self.result.and_then(|()| self.formatter.write_str(text));
    }
}

/// Buffer for the digits of any `u64`.
pub(super) type Digits = [u8; 20];

/// Formats the number in decimal digits. `core::fmt` takes longer than the rest of an event.
#[inline]
pub(super) fn decimal(number: u64, digits: &mut Digits) -> &str {
    let mut start = digits.len();
    let mut rest = number;
    while rest > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    core::str::from_utf8(&digits[start..]).unwrap_or("0")
}

/// Formats the number in decimal digits, with a sign if it is negative.
pub(super) fn signed_decimal(number: i64, digits: &mut Digits) -> &str {
    let length = decimal(number.unsigned_abs(), digits).len();
    // The longest negative number has 19 digits, so there is room for its sign.
    let mut start = digits.len() - length;
    if number < 0 {
        start -= 1;
        digits[start] = b'-';
    }
    core::str::from_utf8(&digits[start..]).unwrap_or("0")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn all_digits_are_there() {
        for number in [0, 1, 9, 10, 4711, u64::MAX - 1, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string());
        }
        for number in [0, 7, -1, -10, i64::MIN, i64::MAX] {
            assert_eq!(signed_decimal(number, &mut [0; 20]), number.to_string());
        }
    }
}
