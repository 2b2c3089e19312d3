use sse_proto::{Event, EventType};

/// Gives an event of the server itself this type, if it is of the type `message`. Otherwise it would reach the
/// `onmessage` of a page, which parses what the application sends.
pub(crate) fn with_own_type(event: Event, own_type: &'static str) -> Event {
    match (event.event_type(), EventType::new(own_type)) {
        // The own types have no line end.
        ("message", Ok(own_type)) => event.with_type(own_type),
        _ => event,
    }
}
