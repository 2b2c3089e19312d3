//! Expected responses of a contract server.

use super::golden::GOLDEN;
use crate::{Item, reference};

/// Returns the golden events as a client decodes them.
pub fn golden() -> Vec<Item> {
    let events = GOLDEN.into_iter().zip(1..);
    events
        .map(|((event_type, data), id)| Item::Event {
            event_type: event_type.to_owned(),
            data: data.to_owned(),
            last_event_id: format!("{id}"),
        })
        .collect()
}

/// Strings that try to forge a field, an event or a comment.
pub const HOSTILE: [&str; 19] = [
    "a",
    " a",
    "",
    "a\nb",
    "a\rb",
    "a\r\nb",
    "a\n\nb",
    "\n",
    "\r\r",
    "a\0b",
    "\0",
    "a\ndata: x\n\n",
    "a\n\nevent: x\ndata: y\n\n",
    "data: x\n\nevent: y",
    "\u{FEFF}a",
    "a\u{2028}b\u{85}",
    ": a",
    "a\rid: 6\rretry: 1\r:\r",
    "€豆腐😀\r\r\n\n",
];

/// Returns the path and query that ask for an event of these strings.
pub fn echo_path(data: &str, event_type: &str, id: &str) -> String {
    let (data, event_type, id) = (escape(data), escape(event_type), escape(id));
    format!("/echo?data={data}&event={event_type}&id={id}")
}

/// Returns the event that the server must send for these strings, or `None` if it must refuse them.
pub fn echoed(data: &str, event_type: &str, id: &str) -> Option<Item> {
    if event_type.contains(['\r', '\n']) || id.contains(['\r', '\n', '\0']) {
        return None;
    }
    Some(Item::Event {
        event_type: if event_type.is_empty() {
            "message"
        } else {
            event_type
        }
        .to_owned(),
        data: data.replace("\r\n", "\n").replace('\r', "\n"),
        last_event_id: id.to_owned(),
    })
}

/// Decodes a stream and returns only its events.
pub fn events(stream: &[u8]) -> Vec<Item> {
    let items = reference::interpret(stream).items.into_iter();
    items
        .filter(|item| matches!(item, Item::Event { .. }))
        .collect()
}

/// Encodes every byte as `%XX`.
fn escape(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
