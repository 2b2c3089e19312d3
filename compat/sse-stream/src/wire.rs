//! Bytes of a block.

use bytes::Bytes;
use sse_proto::{Event, EventId, EventType};

/// Returns the fields that there are, and a blank line.
pub(crate) fn wire(
    event_type: Option<EventType>,
    data: Option<String>,
    id: Option<EventId>,
    retry: Option<u64>,
) -> Bytes {
    let mut wire = String::new();
    if let Some(event_type) = event_type {
        line(&mut wire, "event", event_type.as_str());
    }
    if let Some(data) = data {
        Event::new(data).encode(&mut wire);
        // More fields may follow, so the blank line does not come yet.
        wire.pop();
    }
    if let Some(id) = id {
        line(&mut wire, "id", id.as_str());
    }
    if let Some(retry) = retry {
        line(&mut wire, "retry", &retry.to_string());
    }
    wire.push('\n');
    wire.into()
}

fn line(wire: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\n"] {
        wire.push_str(part);
    }
}
