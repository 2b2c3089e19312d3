//! Parameters of a request, from its query and its headers.

use form_urlencoded::parse;
use hyper::Request;
use sse_hub::{InvalidTopic, TopicFilters};
use sse_hyper::{EventId, InvalidLastEventId, last_event_id as in_header, last_event_id_in_query};

/// Returns the first query parameter of this name.
pub(crate) fn parameter<B>(request: &Request<B>, name: &str) -> Option<String> {
    parameters(request, name).next()
}

/// Returns the ID of the last event that the client has received.
///
/// Browsers send it in the header when they reconnect. A page that has to create a new `EventSource` sends it in the
/// query.
pub(crate) fn last_event_id<B>(
    request: &Request<B>,
) -> Result<Option<EventId>, InvalidLastEventId> {
    match in_header(request.headers())? {
        None => last_event_id_in_query(request.uri(), "lastEventId"),
        id => Ok(id),
    }
}

/// Returns the topics that the client requests, for example `topic=stocks&topic=news`, or all topics by default.
pub(crate) fn filters<B>(request: &Request<B>) -> Result<TopicFilters, InvalidTopic> {
    match TopicFilters::new(parameters(request, "topic")) {
        Err(InvalidTopic::None) => Ok(TopicFilters::all()),
        result => result,
    }
}

fn parameters<B>(request: &Request<B>, name: &str) -> impl Iterator<Item = String> {
    let query = request.uri().query().unwrap_or_default();
    let pairs = parse(query.as_bytes()).filter(move |(key, _)| key == name);
    pairs.map(|(_, value)| value.into_owned())
}
