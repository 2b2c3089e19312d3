//! Conversion between events and NATS messages.
//!
//! To decode a payload, this module reads it with the decoder for event streams, and encodes the event again. The
//! message is valid if this results in the same bytes. So no check of single fields is needed, and each event has
//! exactly one encoding.

use core::fmt;

use async_nats::HeaderMap;
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sse_hub::{InvalidTopic, Publication, Topics};
use sse_proto::{Chunk, Decoder, Event, EventType, Item};

pub(crate) const TOPICS: &str = "Sse-Topics";
pub(crate) const KEY: &str = "Sse-Key";
const SEPARATOR: char = ',';

/// Returns the headers and the payload for an event. The message ID is random.
pub(crate) fn encode(publication: &Publication) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    let topics: Vec<_> = publication
        .topics
        .iter()
        .map(|topic| percent(topic.as_str()))
        .collect();
    headers.insert(TOPICS, topics.join(&SEPARATOR.to_string()));
    if let Some(key) = &publication.key {
        headers.insert(KEY, percent(key));
    }
    renew_id(&mut headers);
    (headers, block(&publication.event).into())
}

/// Sets a new random message ID.
pub(crate) fn renew_id(headers: &mut HeaderMap) {
    let id = format!("{:032x}", fastrand::u128(..));
    headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
}

/// Decodes the event of a message.
pub(crate) fn decode(headers: Option<&HeaderMap>, payload: &[u8]) -> Result<Publication, NotOurs> {
    let header = |name| {
        headers
            .and_then(|headers| headers.get(name))
            .map(|value| value.as_str())
    };
    let topics = header(TOPICS).ok_or(NotOurs::NoTopics)?;
    let topics: Result<Vec<_>, _> = topics.split(SEPARATOR).map(text).collect();
    let topics = Topics::new(topics.map_err(|()| NotOurs::Header(TOPICS))?)?;
    let key = header(KEY).map(text).transpose();
    let key = key.map_err(|()| NotOurs::Header(KEY))?;
    let event = event(payload)?;
    let publication = Publication::new(topics, event);
    Ok(match key {
        Some(key) => publication.with_key(key),
        None => publication,
    })
}

/// Percent-encodes all characters except letters and digits. NATS trims headers, and they cannot have line ends.
fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Decodes a percent-encoded text.
fn text(encoded: &str) -> Result<String, ()> {
    let decoded = percent_decode_str(encoded).decode_utf8().map_err(|_| ())?;
    Ok(decoded.into_owned())
}

/// Encodes the event without its ID, and without the default type.
fn block(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    let plain = Event::new(event.data().to_owned());
    with_fields(plain, Some(event.event_type()), event.retry()).encode(&mut out);
    out
}

fn with_fields(
    mut event: Event,
    event_type: Option<&str>,
    retry: Option<core::time::Duration>,
) -> Event {
    // The type comes from an event, so it is valid.
    if let Some(event_type) = event_type
        && event_type != "message"
        && let Ok(event_type) = EventType::new(event_type.to_owned())
    {
        event = event.with_type(event_type);
    }
    match retry {
        Some(retry) => event.with_retry(retry),
        None => event,
    }
}

fn event(payload: &[u8]) -> Result<Event, NotOurs> {
    let mut decoder = Decoder::new().max_event_bytes(payload.len().max(1));
    let mut chunk = Chunk::new(payload);
    let mut retry = None;
    loop {
        match decoder.decode(&mut chunk) {
            Ok(Some(Item::Retry(time))) => retry = Some(time),
            Ok(Some(Item::Event(event))) => {
                let event =
                    with_fields(event.try_into().map_err(|_| NotOurs::Payload)?, None, retry);
                let mut again = Vec::new();
                event.encode(&mut again);
                let is_same = again == payload && event.id().is_none();
                return is_same.then_some(event).ok_or(NotOurs::Payload);
            }
            _ => return Err(NotOurs::Payload),
        }
    }
}

/// Reason why a message is not an event of a hub.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotOurs {
    NoTopics,
    Header(&'static str),
    Topic(InvalidTopic),
    Payload,
    Subject,
    Status,
    Unreadable,
}

impl fmt::Display for NotOurs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTopics => write!(f, "header {TOPICS} is missing"),
            Self::Header(name) => write!(f, "header {name} is not percent-encoded UTF-8"),
            Self::Topic(error) => write!(f, "header {TOPICS}: {error}"),
            Self::Subject => write!(f, "subject does not match the topic in the header {TOPICS}"),
            Self::Status => f.write_str("headers are those of a NATS status message"),
            Self::Unreadable => f.write_str("headers cannot be read"),
            Self::Payload => f.write_str("payload is not exactly one event without an ID"),
        }
    }
}

impl From<InvalidTopic> for NotOurs {
    fn from(error: InvalidTopic) -> Self {
        Self::Topic(error)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use sse_proto::EventId;

    use super::*;

    fn there_and_back(publication: &Publication) -> Publication {
        let (headers, payload) = encode(publication);
        decode(Some(&headers), &payload).unwrap()
    }

    #[test]
    fn odd_topics_and_keys_come_back() {
        let topics = [" ", "a,b", "%2C", "ü/豆腐", "\u{2028}"];
        for key in [None, Some(""), Some(" \r\n\0 ,%0a"), Some("€")] {
            let mut publication = Publication::new(Topics::new(topics).unwrap(), Event::new("x"));
            publication.key = key.map(Into::into);
            assert_eq!(there_and_back(&publication), publication);
        }
    }

    #[test]
    fn events_come_back_without_their_ids() {
        let type_of = |text| EventType::new(text).unwrap();
        for event in [
            Event::new(""),
            Event::new("\u{feff}a\n\n b\n"),
            Event::new("id: 1\nevent: x").with_type(type_of(" x: ")),
            Event::new("\0").with_retry(Duration::from_millis(17)),
        ] {
            let publication = Publication::new(Topics::new(["t"]).unwrap(), event.clone());
            assert_eq!(there_and_back(&publication), publication);
            let mut with_id = publication.clone();
            with_id.event = event.with_id(EventId::from(7));
            assert_eq!(there_and_back(&with_id), publication);
        }
        let odd = Event::new("1\r2\r\n3").with_type(type_of("message"));
        let publication = Publication::new(Topics::new(["t"]).unwrap(), odd);
        assert_eq!(there_and_back(&publication).event, Event::new("1\n2\n3"));
    }

    #[test]
    fn what_is_not_one_event_is_refused() {
        for payload in [
            "",
            "\n",
            "x",
            "data: a",
            "data: a\n",
            "data:a\n\n",
            "data: a\r\n\r\n",
            "data: a\n\ndata: b\n\n",
            "data: a\n\n\n",
            "data: a\n\nid: 7",
            "data: a\n\n: hi\n\n",
            ": hi\ndata: a\n\n",
            "id: 7\ndata: a\n\n",
            "id\ndata: a\n\n",
            "event: message\ndata: a\n\n",
            "data: a\nevent: x\n\n",
            "retry: 1\nretry: 1\ndata: a\n\n",
            "retry: 01\ndata: a\n\n",
            "\u{feff}data: a\n\n",
            "event: x\n\n",
        ] {
            assert_eq!(
                event(payload.as_bytes()),
                Err(NotOurs::Payload),
                "{payload:?}"
            );
        }
        assert_eq!(event(b"data: \xff\n\n"), Err(NotOurs::Payload));
        let payload = b"data: a\n\n";
        assert_eq!(event(payload), Ok(Event::new("a")));
        assert_eq!(decode(None, payload), Err(NotOurs::NoTopics));
        for (topics, error) in [
            ("", NotOurs::Topic(InvalidTopic::Empty)),
            ("a,,b", NotOurs::Topic(InvalidTopic::Empty)),
            ("%ff", NotOurs::Header(TOPICS)),
            ("%2A", NotOurs::Topic(InvalidTopic::Star("*".to_owned()))),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TOPICS, topics);
            assert_eq!(decode(Some(&headers), payload), Err(error), "{topics:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(TOPICS, "a");
        headers.insert(KEY, "%ff");
        assert_eq!(decode(Some(&headers), payload), Err(NotOurs::Header(KEY)));
    }
}
