use core::{error::Error, fmt, str::FromStr};

use http::{HeaderMap, Uri};
use sse_proto::EventId;

/// Maximum length of an ID, in bytes. The IDs of known servers are far shorter.
const MAX_ID_BYTES: usize = 1024;

/// Returns the ID of the last event that the client saw, from the `Last-Event-ID` header
/// ([9.2.4](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header)).
///
/// Returns `None` if there is no such header or if it is empty. If there are several, the first one counts.
///
/// # Errors
///
/// [`InvalidLastEventId`] if the value is not UTF-8, has a character that no event ID can have, or is longer
/// than 1024 bytes.
///
/// Treat such a client like one that saw no event: `.ok().flatten()`. An older version of the server may have sent
/// the ID. Do not answer with an error status: any status but 200 ends a browser's `EventSource` for good.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("Last-Event-ID", HeaderValue::from_bytes("7€".as_bytes())?);
/// let id = sse_hyper::last_event_id(&headers)?;
/// assert_eq!(id.unwrap().as_str(), "7€");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<EventId>, InvalidLastEventId> {
    const NAME: &str = "Last-Event-ID";
    match headers.get(NAME) {
        None => Ok(None),
        Some(value) => event_id(NAME, value.as_bytes()),
    }
}

/// Returns the ID of the last event that the client saw, from the query parameter with this name.
///
/// Use it for clients that cannot set the header, such as a script that creates a new `EventSource`. Anyone who
/// makes a link can set the parameter, so read it only if your clients need it. If the request has the header too,
/// the header is newer, because a browser sends the header with the old URL when it reconnects.
///
/// # Errors
///
/// [`InvalidLastEventId`] for the same values as [`last_event_id`].
///
/// ```
/// use http::{HeaderMap, Uri};
/// use sse_hyper::{last_event_id, last_event_id_in_query};
///
/// let (headers, uri) = (HeaderMap::new(), Uri::from_static("/events?lastEventId=7%E2%82%AC"));
/// let id = match last_event_id(&headers) {
///     Ok(None) => last_event_id_in_query(&uri, "lastEventId"),
///     id => id,
/// };
/// assert_eq!(id.ok().flatten().unwrap().as_str(), "7€");
/// ```
pub fn last_event_id_in_query(
    uri: &Uri,
    name: &str,
) -> Result<Option<EventId>, InvalidLastEventId> {
    let query = uri.query().unwrap_or_default();
    // Bytes that are not UTF-8 become U+FFFD, which is valid in an ID.
    match form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name) {
        None => Ok(None),
        Some((_, value)) => event_id(name, value.as_bytes()),
    }
}

fn event_id(name: &str, value: &[u8]) -> Result<Option<EventId>, InvalidLastEventId> {
    let invalid = |reason: &dyn fmt::Display| InvalidLastEventId::new(name, reason);
    if value.is_empty() {
        return Ok(None);
    }
    if value.len() > MAX_ID_BYTES {
        return Err(invalid(&format_args!(
            "{} bytes, limit is {MAX_ID_BYTES}",
            value.len()
        )));
    }
    let text = str::from_utf8(value).map_err(|error| invalid(&error))?;
    match EventId::new(text) {
        Ok(id) => Ok(Some(id)),
        Err(error) => Err(invalid(&error)),
    }
}

/// Parses the ID as the type that the server makes its IDs from, for example a number.
///
/// # Errors
///
/// [`InvalidLastEventId`] with the message of the parser. The ID may be from an older version of the server.
/// Treat such a client like one that saw no event, or send it a stream that tells it to load its state again. An
/// error status would end a browser's `EventSource` for good.
///
/// ```
/// use sse_hyper::{EventId, parse_event_id};
///
/// let id = parse_event_id::<u64>(Some(&EventId::from(7)))?;
/// assert_eq!(id, Some(7));
/// let older = Some(EventId::new("seven")?);
/// let error = parse_event_id::<u64>(older.as_ref()).unwrap_err();
/// assert_eq!(error.to_string(), "Last-Event-ID: \"seven\": invalid digit found in string");
/// let start = parse_event_id(older.as_ref()).ok().flatten().map_or(1, |seen: u64| seen + 1);
/// assert_eq!(start, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[expect(
    clippy::disallowed_methods,
    reason = "the type decides which text is valid, also for numbers"
)]
pub fn parse_event_id<T: FromStr<Err: fmt::Display>>(
    id: Option<&EventId>,
) -> Result<Option<T>, InvalidLastEventId> {
    let parse = |id: &EventId| {
        let text = id.as_str();
        text.parse().map_err(|error| {
            InvalidLastEventId::new("Last-Event-ID", &format_args!("{text:?}: {error}"))
        })
    };
    id.map(parse).transpose()
}

/// Error for a last event ID that is not valid. The message names the header or parameter, and the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidLastEventId {
    message: String,
}

impl InvalidLastEventId {
    fn new(name: &str, reason: &dyn fmt::Display) -> Self {
        Self {
            message: format!("{name}: {reason}"),
        }
    }
}

impl fmt::Display for InvalidLastEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for InvalidLastEventId {}
