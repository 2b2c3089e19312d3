use sse_proto::{Event, EventType};

/// Sets the type of an event that the server itself sends, if it has the type `message`.
///
/// Otherwise the event would reach the `onmessage` of a page, which parses the data of the application.
pub(crate) fn with_own_type(event: Event, own_type: &'static str) -> Event {
    match (event.event_type(), EventType::new(own_type)) {
        // The types of the server have no line end, so `Err` does not happen.
        ("message", Ok(own_type)) => event.with_type(own_type),
        _ => event,
    }
}
