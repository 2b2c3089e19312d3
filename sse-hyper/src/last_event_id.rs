use core::{error::Error, fmt, str::Utf8Error};

use http::HeaderMap;
use sse_proto::{EventId, InvalidValue};

/// The ID of the last event that the client saw before it lost the connection, from the
/// `Last-Event-ID` header
/// ([9.2.4](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header)).
///
/// `None` if there is no such header or if it is empty. Of several, the first one counts.
///
/// # Errors
///
/// [`InvalidLastEventId`] if the value is not UTF-8, or holds what no event ID can hold. No client
/// that follows the standard sends that: `400 Bad Request` is a fitting answer.
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
    let Some(value) = headers
        .get("last-event-id")
        .filter(|value| !value.is_empty())
    else {
        return Ok(None);
    };
    let text = str::from_utf8(value.as_bytes()).map_err(Fault::Encoding)?;
    let id = EventId::new(text.to_owned()).map_err(Fault::Character)?;
    Ok(Some(id))
}

/// A `Last-Event-ID` header that is not an event ID.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidLastEventId {
    fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Encoding(Utf8Error),
    Character(InvalidValue),
}

impl From<Fault> for InvalidLastEventId {
    fn from(fault: Fault) -> Self {
        Self { fault }
    }
}

impl fmt::Display for InvalidLastEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid Last-Event-ID: ")?;
        match &self.fault {
            Fault::Encoding(error) => error.fmt(f),
            Fault::Character(error) => error.fmt(f),
        }
    }
}

impl Error for InvalidLastEventId {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            Fault::Encoding(error) => Some(error),
            Fault::Character(error) => Some(error),
        }
    }
}
