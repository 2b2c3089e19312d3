//! Events whose type is also in their data, for clients that read only the data.

use serde_json::{Value, json};
use sse_hyper::{Event, EventType};

/// Returns an event with this type, and with the member `type` in its data.
pub(crate) fn typed(event_type: &'static str, mut data: Value) -> Event {
    data["type"] = json!(event_type);
    Event::new(data.to_string()).with_type(EventType::from_static(event_type))
}
