//! What is asked for, behind the question mark and in the header.

use form_urlencoded::parse;
use hyper::Request;
use sse_hub::{InvalidTopic, Selection};
use sse_hyper::{EventId, InvalidLastEventId, last_event_id as in_header, last_event_id_in_query};

/// The first parameter of this name.
pub(crate) fn parameter<B>(request: &Request<B>, name: &str) -> Option<String> {
    parameters(request, name).next()
}

/// The ID of the last event that the client has seen: from the header, which browsers send when they
/// reconnect, or from the query, for a page that had to make a new `EventSource`.
pub(crate) fn last_event_id<B>(
    request: &Request<B>,
) -> Result<Option<EventId>, InvalidLastEventId> {
    match in_header(request.headers())? {
        None => last_event_id_in_query(request.uri(), "lastEventId"),
        id => Ok(id),
    }
}

/// The topics that the client wants to hear of: `topic=stocks&topic=news`. Without any, all.
pub(crate) fn selection<B>(request: &Request<B>) -> Result<Selection, InvalidTopic> {
    match Selection::new(parameters(request, "topic")) {
        Err(InvalidTopic::None) => Ok(Selection::all()),
        result => result,
    }
}

fn parameters<B>(request: &Request<B>, name: &str) -> impl Iterator<Item = String> {
    let query = request.uri().query().unwrap_or_default();
    let pairs = parse(query.as_bytes()).filter(move |(key, _)| key == name);
    pairs.map(|(_, value)| value.into_owned())
}
