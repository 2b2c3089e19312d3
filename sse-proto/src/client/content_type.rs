/// Returns whether a `Content-Type` value is `text/event-stream`, in any letter case and with any parameters.
///
/// The standard says: "process the response ... If the response's status is not 200, or if its `Content-Type` is
/// not `text/event-stream`, then fail the connection." The charset is ignored, because event streams are always
/// UTF-8.
///
/// If there are several such headers, join their values with commas. The last value that is a valid type counts,
/// as the Fetch Standard [extracts it](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type).
pub fn is_event_stream(value: &[u8]) -> bool {
    let mut quotes = Quotes::Outside;
    let mut is_stream = false;
    for value in value.split(|byte| quotes.separates(*byte)) {
        if let Some(essence) = essence(value) {
            is_stream = essence.eq_ignore_ascii_case(b"text/event-stream");
        }
    }
    is_stream
}

/// Returns the type without parameters, as the MIME Sniffing Standard parses it
/// ([4.4](https://mimesniff.spec.whatwg.org/#parsing-a-mime-type)). White space around it is removed. `*/*` is not
/// a type.
fn essence(value: &[u8]) -> Option<&[u8]> {
    let essence = value.split(|byte| *byte == b';').next()?.trim_ascii();
    let slash = essence.iter().position(|byte| *byte == b'/')?;
    let (first, second) = (&essence[..slash], &essence[slash + 1..]);
    (is_token(first) && is_token(second) && essence != b"*/*").then_some(essence)
}

fn is_token(name: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_part)
}

/// State of the quoted string: inside of quotes, a comma is a part of the value.
enum Quotes {
    Outside,
    Inside,
    Escaped,
}

impl Quotes {
    /// Returns whether the next byte separates two values.
    fn separates(&mut self, byte: u8) -> bool {
        *self = match (&self, byte) {
            (Self::Outside, b',') => return true,
            (Self::Outside, b'"') | (Self::Escaped, _) => Self::Inside,
            (Self::Inside, b'"') => Self::Outside,
            (Self::Inside, b'\\') => Self::Escaped,
            _ => return false,
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::is_event_stream;

    #[test]
    fn only_the_essence_of_the_last_type_counts() {
        for value in [
            "text/event-stream",
            "Text/Event-Stream",
            " text/event-stream ",
            "text/event-stream;charset=utf-8",
            "text/event-stream ; charset=ISO-8859-1; x=\"a;b\"",
            "text/event-stream;",
            "text/html, text/event-stream",
            "text/event-stream, text/event-stream; charset=utf-8",
            "text/html;x=\"\\\",\", text/event-stream",
            "text/event-stream, */*",
            "text/event-stream,",
            "text/event-stream, text",
        ] {
            assert!(is_event_stream(value.as_bytes()), "{value:?}");
        }
        for value in [
            "",
            "text",
            "text/html",
            "text/event-streams",
            "text / event-stream",
            "text/event-stream, text/html",
            "text/html; x=\"a, text/event-stream",
            "text/html; x=\", text/event-stream\"",
            "text/event-stream/x",
            ",",
            "x-text/event-stream",
            "application/x-dom-event-stream",
        ] {
            assert!(!is_event_stream(value.as_bytes()), "{value:?}");
        }
    }
}
