//! What stands behind the question mark.

use hyper::Request;
use sse_hyper::{
    InvalidLastEventId, last_event_id as in_header, last_event_id_in_query, parse_event_id,
};

/// The first parameter of this name.
pub(crate) fn parameter<B>(request: &Request<B>, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

/// The number of the last event that the client has seen: from the header, which browsers send when
/// they reconnect, or from the query, for a page that had to make a new `EventSource`.
pub(crate) fn last_event_id<B>(request: &Request<B>) -> Result<Option<u64>, InvalidLastEventId> {
    let id = match in_header(request.headers())? {
        None => last_event_id_in_query(request.uri(), "lastEventId")?,
        id => id,
    };
    parse_event_id(id.as_ref())
}
