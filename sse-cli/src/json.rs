//! Conversion of the items of a stream to JSON lines, and parsing of JSON objects.

use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use sse_proto::{Item, MessageEvent};

/// JSON object of one line.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Line<'a> {
    Event {
        #[serde(rename = "type")]
        event_type: &'a str,
        data: &'a str,
        #[serde(rename = "lastEventId")]
        last_event_id: &'a str,
    },
    /// Reconnection time in milliseconds.
    Retry {
        retry: u64,
    },
    Comment {
        comment: &'a str,
    },
}

impl Line<'_> {
    /// Appends the object and a line end.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let json = serde_json::to_string(self)?;
        // DEL, and the control characters of two bytes, which start with 0xC2, are valid in JSON. A terminal would
        // interpret them, so they are escaped.
        if json.bytes().any(|byte| matches!(byte, 0x7F | 0xC2)) {
            for c in json.chars() {
                match c {
                    '\x7F'..='\u{9F}' => {
                        out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                    }
                    _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
        } else {
            out.extend_from_slice(json.as_bytes());
        }
        out.push(b'\n');
        Ok(())
    }
}

impl<'a, T: AsRef<str>, I: AsRef<str>> From<&'a MessageEvent<T, I>> for Line<'a> {
    fn from(event: &'a MessageEvent<T, I>) -> Self {
        Self::Event {
            event_type: event.event_type.as_ref(),
            data: event.data.as_ref(),
            last_event_id: event.last_event_id.as_ref(),
        }
    }
}

/// Returns the line of an item, or `None` for an item that has no line.
pub(crate) fn line<'a>(item: &'a Item<&'a str>) -> Option<Line<'a>> {
    Some(match item {
        Item::Event(event) => event.into(),
        Item::Retry(time) => Line::Retry {
            retry: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        },
        Item::Comment(comment) => Line::Comment { comment },
        _ => return None,
    })
}

/// Parses a JSON object. The error of a text with one line has the column alone: the caller knows the line.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T> {
    let text = text.trim_ascii_end();
    // Serde would accept an array for a struct.
    if !text.trim_ascii_start().starts_with(b"{") {
        bail!("not a JSON object");
    }
    serde_json::from_slice(text).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        match message.strip_suffix(&place) {
            Some(message) if error.line() == 1 => anyhow!("column {}: {message}", error.column()),
            _ => error.into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn no_control_character_is_left_in_a_line() {
        let comment = "\0\u{1b}\x7F\u{9b}\u{a0}é\n";
        let mut out = Vec::new();
        Line::Comment { comment }.write(&mut out).unwrap();
        let line = String::from_utf8(out).unwrap();
        let json = r#"{"comment":"\u0000\u001b\u007f\u009b"#;
        assert_eq!(line, format!("{json}\u{a0}é\\n\"}}\n"));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["comment"], comment);
    }
}
