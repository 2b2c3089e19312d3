//! Topics and keys of the events.

use std::io;

use serde_json::Value;
use sse_hub::{Publication, Topic};
use sse_hyper::Event;

/// Creates the publication of an event, with its topic and its key.
///
/// Both follow from the event alone, so that the journal stores only events. The topic is the event type. Except for
/// news, an event has a key, because it replaces earlier events with the same key.
pub(crate) fn publication(event: Event) -> io::Result<Publication> {
    let topic = Topic::new(event.event_type()).map_err(io::Error::other)?;
    let data: Value = serde_json::from_str(event.data()).unwrap_or_default();
    let key = match topic.as_str() {
        "time" => Some("now"),
        "stocks" => data["symbol"].as_str(),
        "scores" => data["home"].as_str(),
        _ => None,
    };
    let publication = Publication::new(topic, event);
    Ok(match key {
        Some(key) => publication.with_key(key),
        None => publication,
    })
}
