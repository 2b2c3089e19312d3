//! Events as messages of NATS: headers, payload and subject.
//!
//! To decode a payload, this module reads it with the decoder for event streams, and encodes the event again. The
//! message is valid if this results in the same bytes. So no check of single fields is needed, and each event has
//! exactly one encoding.
//!
//! An event with one topic has a subject below that of the stream: `sse.events.orders.17` for the topic `orders/17`. So
//! a replay reads only messages of the selected topics. An event with several topics has the subject of the stream
//! itself, which each replay reads.
//!
//! A server accepts any bytes as headers. [`parse_headers`] reads them as the client of `async_nats` does, and reports
//! headers that would make the client fail.

use core::fmt;

use async_nats::{HeaderMap, HeaderName, StatusCode};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sse_hub::{InvalidTopic, Publication, Topic, TopicFilter, TopicFilters, Topics};
use sse_proto::{Chunk, Decoder, Event, EventId, EventType, Item};

pub(crate) const TOPICS_HEADER: &str = "Sse-Topics";
pub(crate) const KEY_HEADER: &str = "Sse-Key";
pub(crate) const ID_HEADER: &str = "Sse-Id";
pub(crate) const PRIVATE_HEADER: &str = "Sse-Private";
const TOPIC_SEPARATOR: char = ',';

/// Value of the header of a private event.
const PRIVATE: &str = "1";

/// Returns the headers and the payload for an event. The message ID is random.
pub(crate) fn encode(publication: &Publication) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    let topics: Vec<_> = publication
        .topics
        .iter()
        .map(|topic| percent_encode(topic.as_str()))
        .collect();
    headers.insert(TOPICS_HEADER, topics.join(&TOPIC_SEPARATOR.to_string()));
    if let Some(key) = &publication.key {
        headers.insert(KEY_HEADER, percent_encode(key));
    }
    if let Some(id) = publication.event.id() {
        headers.insert(ID_HEADER, percent_encode(id.as_str()));
    }
    if publication.private {
        headers.insert(PRIVATE_HEADER, PRIVATE);
    }
    renew_id(&mut headers);
    (headers, encode_payload(&publication.event).into())
}

/// Sets a new random message ID.
pub(crate) fn renew_id(headers: &mut HeaderMap) {
    let id = format!("{:032x}", fastrand::u128(..));
    headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
}

/// Decodes the event of a message.
pub(crate) fn decode(
    headers: Option<&HeaderMap>,
    payload: &[u8],
) -> Result<Publication, InvalidMessage> {
    let header = |name| {
        headers
            .and_then(|headers| headers.get(name))
            .map(|value| value.as_str())
    };
    let topics = header(TOPICS_HEADER).ok_or(InvalidMessage::NoTopics)?;
    let topics: Result<Vec<_>, _> = topics.split(TOPIC_SEPARATOR).map(percent_decode).collect();
    let topics = topics.map_err(|()| InvalidMessage::Header(TOPICS_HEADER))?;
    let topics: Result<Vec<_>, _> = topics.into_iter().map(Topic::opaque).collect();
    let topics = Topics::from_topics(topics?)?;
    let key = header(KEY_HEADER).map(percent_decode).transpose();
    let key = key.map_err(|()| InvalidMessage::Header(KEY_HEADER))?;
    let mut event = decode_payload(payload)?;
    if let Some(id) = header(ID_HEADER) {
        let invalid = || InvalidMessage::Header(ID_HEADER);
        let id = percent_decode(id).map_err(|()| invalid())?;
        event = event.with_id(EventId::new(id).map_err(|_| invalid())?);
    }
    let is_private = match header(PRIVATE_HEADER) {
        None => false,
        Some(PRIVATE) => true,
        Some(_) => return Err(InvalidMessage::Private),
    };
    let publication = Publication::new(topics, event).with_private(is_private);
    Ok(match key {
        Some(key) => publication.with_key(key),
        None => publication,
    })
}

/// Percent-encodes all characters except letters and digits. NATS trims headers, and they cannot have line ends.
fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Decodes a percent-encoded text.
fn percent_decode(encoded: &str) -> Result<String, ()> {
    let decoded = percent_decode_str(encoded).decode_utf8().map_err(|_| ())?;
    Ok(decoded.into_owned())
}

/// Encodes the event without its ID, and without the default type.
fn encode_payload(event: &Event) -> Vec<u8> {
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

fn decode_payload(payload: &[u8]) -> Result<Event, InvalidMessage> {
    let mut decoder = Decoder::new().max_event_bytes(payload.len().max(1));
    let mut chunk = Chunk::new(payload);
    let mut retry = None;
    loop {
        match decoder.decode(&mut chunk) {
            Ok(Some(Item::Retry(time))) => retry = Some(time),
            Ok(Some(Item::Event(event))) => {
                let event = with_fields(
                    event.try_into().map_err(|_| InvalidMessage::Payload)?,
                    None,
                    retry,
                );
                let mut again = Vec::new();
                event.encode(&mut again);
                let is_same = again == payload && event.id().is_none();
                return is_same.then_some(event).ok_or(InvalidMessage::Payload);
            }
            _ => return Err(InvalidMessage::Payload),
        }
    }
}

/// Reason why a message is not an event of a hub.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InvalidMessage {
    NoTopics,
    Header(&'static str),
    Topic(InvalidTopic),
    Private,
    Payload,
    Subject,
    Status,
    Poison,
}

impl fmt::Display for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTopics => write!(f, "header {TOPICS_HEADER} is missing"),
            Self::Header(name) => write!(f, "header {name} is not a valid percent-encoded value"),
            Self::Private => write!(f, "header {PRIVATE_HEADER} is not {PRIVATE}"),
            Self::Topic(error) => write!(f, "header {TOPICS_HEADER}: {error}"),
            Self::Subject => write!(
                f,
                "subject does not match the topic in the header {TOPICS_HEADER}"
            ),
            Self::Status => f.write_str("headers are those of a NATS status message"),
            Self::Poison => f.write_str("headers cannot be read"),
            Self::Payload => f.write_str("payload is not exactly one event without an ID"),
        }
    }
}

impl From<InvalidTopic> for InvalidMessage {
    fn from(error: InvalidTopic) -> Self {
        Self::Topic(error)
    }
}

/// Result that the client would have for some headers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Headers {
    /// The client reads these headers. `None` if there are no bytes.
    Read(Option<HeaderMap>),
    /// The client takes the message for a status message of the server.
    Status,
    /// The client fails: it closes the connection, or it panics.
    Poison,
}

/// Parses headers.
pub(crate) fn parse_headers(bytes: &[u8]) -> Headers {
    if bytes.is_empty() {
        return Headers::Read(None);
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return Headers::Poison;
    };
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    parse_header_lines(lines).unwrap_or(Headers::Poison)
}

fn parse_header_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Headers> {
    let mut lines = lines.peekable();
    let status = lines.next()?.strip_prefix("NATS/1.0")?.trim();
    let code = status
        .split_once(' ')
        .map_or(status, |(code, _)| code.trim());
    let is_status = !code.is_empty();
    if is_status && StatusCode::from_bytes(code.as_bytes()).is_err() {
        return None;
    }
    let mut headers = HeaderMap::new();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::try_from(name).ok()?;
        let mut value = value.trim_start().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        value.truncate(value.trim_end().len());
        // The client panics here.
        if value.contains(['\r', '\n']) {
            return None;
        }
        headers.append(name, value);
    }
    Some(match is_status {
        true => Headers::Status,
        false => Headers::Read(Some(headers)),
    })
}

/// Characters of a segment that are percent-encoded. In NATS, `.`, `*`, `>` and white space have a meaning.
const ENCODED_CHARACTERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Encoding of an empty segment. No other segment is encoded like this.
const EMPTY_SEGMENT: &str = "%";

/// Maximum number of subjects that a replay reads one by one, each with its own consumer. If there are more, it reads
/// all messages.
const MAX_REPLAY_SUBJECTS: usize = 8;

/// Returns the subject of an event with these topics.
pub(crate) fn subject_for_event(stream: &str, topics: &Topics) -> String {
    let mut topics = topics.iter();
    match (topics.next(), topics.next()) {
        (Some(topic), None) => subject_for_topic(stream, topic),
        _ => None,
    }
    .unwrap_or_else(|| stream.to_owned())
}

/// Returns whether an event with these topics may have this subject. Any event may have the subject of the stream
/// itself, because a stream can have only this one.
pub(crate) fn subject_matches_event(subject: &str, stream: &str, topics: &Topics) -> bool {
    subject == stream || subject == subject_for_event(stream, topics)
}

/// Returns the wildcard for all subjects below that of the stream.
pub(crate) fn wildcard_below(stream: &str) -> String {
    subject_for_pattern(stream, "**")
}

/// Returns the subjects that events of these filters can have. `None` if it is better to read all messages.
pub(crate) fn subjects_for_filters(stream: &str, filters: &TopicFilters) -> Option<Vec<String>> {
    let filters = filters.iter();
    if filters.len() >= MAX_REPLAY_SUBJECTS {
        return None;
    }
    let all = wildcard_below(stream);
    let mut subjects = vec![stream.to_owned()];
    for filter in filters {
        match filter {
            // An event whose subject would be too long has that of the stream.
            TopicFilter::Exact(topic) => subjects.extend(subject_for_topic(stream, topic)),
            TopicFilter::Pattern(_) => subjects.push(subject_for_pattern(stream, filter.as_str())),
            _ => return None,
        }
        if subjects.last() == Some(&all) {
            return None;
        }
    }
    Some(subjects)
}

/// Maximum length in bytes of the subject of a topic. NATS limits a whole line of its protocol to 4 KiB.
const MAX_SUBJECT_BYTES: usize = 1024;

/// Returns the subject of a topic. `None` if it would be too long.
fn subject_for_topic(stream: &str, topic: &Topic) -> Option<String> {
    let mut subject = stream.to_owned();
    for segment in topic.as_str().split('/') {
        subject.push('.');
        match segment {
            "" => subject.push_str(EMPTY_SEGMENT),
            segment => subject.extend(utf8_percent_encode(segment, ENCODED_CHARACTERS)),
        }
        if subject.len() > MAX_SUBJECT_BYTES {
            return None;
        }
    }
    Some(subject)
}

/// Returns the subject of a pattern, whose wildcards become wildcards of NATS.
fn subject_for_pattern(stream: &str, pattern: &str) -> String {
    let mut subject = stream.to_owned();
    for segment in pattern.split('/') {
        subject.push('.');
        match segment {
            "*" => subject.push('*'),
            "**" => subject.push('>'),
            "" => subject.push_str(EMPTY_SEGMENT),
            segment => subject.extend(utf8_percent_encode(segment, ENCODED_CHARACTERS)),
        }
    }
    subject
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::collections::HashSet;

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
    fn opaque_topics_come_back() {
        let topics = ["*", "a/**", "https://example.com/books/*"].map(Topic::opaque);
        let topics = Topics::from_topics(topics.map(Result::unwrap)).unwrap();
        let publication = Publication::new(topics, Event::new("x"));
        assert_eq!(there_and_back(&publication), publication);
    }

    #[test]
    fn events_come_back() {
        let type_of = |text| EventType::new(text).unwrap();
        for event in [
            Event::new(""),
            Event::new("\u{feff}a\n\n b\n"),
            Event::new("id: 1\nevent: x").with_type(type_of(" x: ")),
            Event::new("\0").with_retry(Duration::from_millis(17)),
        ] {
            let publication = Publication::new(Topics::new(["t"]).unwrap(), event.clone());
            assert_eq!(there_and_back(&publication), publication);
            for id in ["7", "", " urn:uuid:ü,%2C "] {
                let mut with_id = publication.clone().with_private(id.is_empty());
                with_id.event = event.clone().with_id(EventId::new(id).unwrap());
                assert_eq!(there_and_back(&with_id), with_id);
            }
        }
        let odd = Event::new("1\r2\r\n3").with_type(type_of("message"));
        let publication = Publication::new(Topics::new(["t"]).unwrap(), odd);
        assert_eq!(there_and_back(&publication).event, Event::new("1\n2\n3"));
    }

    #[test]
    fn payloads_that_are_not_one_event_are_refused() {
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
                decode_payload(payload.as_bytes()),
                Err(InvalidMessage::Payload),
                "{payload:?}"
            );
        }
        assert_eq!(
            decode_payload(b"data: \xff\n\n"),
            Err(InvalidMessage::Payload)
        );
        let payload = b"data: a\n\n";
        assert_eq!(decode_payload(payload), Ok(Event::new("a")));
        assert_eq!(decode(None, payload), Err(InvalidMessage::NoTopics));
        let too_long = "a".repeat(4097);
        for (topics, error) in [
            ("", InvalidMessage::Topic(InvalidTopic::Empty)),
            ("a,,b", InvalidMessage::Topic(InvalidTopic::Empty)),
            ("%ff", InvalidMessage::Header(TOPICS_HEADER)),
            (
                "a,%0A",
                InvalidMessage::Topic(InvalidTopic::Control {
                    offset: 0,
                    character: '\n',
                }),
            ),
            (
                too_long.as_str(),
                InvalidMessage::Topic(InvalidTopic::TooLong {
                    bytes: 4097,
                    limit: 4096,
                }),
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TOPICS_HEADER, topics);
            assert_eq!(decode(Some(&headers), payload), Err(error), "{topics:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(TOPICS_HEADER, "a");
        headers.insert(KEY_HEADER, "%ff");
        assert_eq!(
            decode(Some(&headers), payload),
            Err(InvalidMessage::Header(KEY_HEADER))
        );
    }

    #[test]
    fn headers_that_the_client_can_read() {
        let map = |fields: &[(&str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in fields {
                map.append(*name, *value);
            }
            Headers::Read(Some(map))
        };
        assert_eq!(parse_headers(b""), Headers::Read(None));
        for (bytes, fields) in [
            ("NATS/1.0\r\n\r\n", [].as_slice()),
            ("NATS/1.0 \n", &[]),
            ("NATS/1.0\r\nA: b\r\nC:\r\n\r\n", &[("A", "b"), ("C", "")]),
            ("NATS/1.0\nA:  b \r\nA:c", &[("A", "b"), ("A", "c")]),
            ("NATS/1.0\r\nA: b\r\n c\r\n\r\n", &[("A", "b c")]),
        ] {
            assert_eq!(parse_headers(bytes.as_bytes()), map(fields), "{bytes:?}");
        }
        for bytes in ["NATS/1.0 503\r\n\r\n", "NATS/1.0100 Idle Heartbeat\r\n"] {
            assert_eq!(
                parse_headers(bytes.as_bytes()),
                Headers::Status,
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn headers_that_the_client_cannot_read() {
        for bad in [
            "\r\n",
            "NATS/1.0\r\nA: b\rc\r\n\r\n",
            "NATS/1.0\r\nno colon\r\n\r\n",
            "NATS/1.0\r\nA b: c\r\n\r\n",
            "NATS/1.0 x\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(parse_headers(bad.as_bytes()), Headers::Poison, "{bad:?}");
        }
        assert_eq!(
            parse_headers(b"NATS/1.0\r\nA: \xff\r\n\r\n"),
            Headers::Poison
        );
    }

    #[test]
    fn each_topic_has_its_own_subject() {
        let mut subjects = HashSet::new();
        for (topic, expected) in [
            ("a", "s.a"),
            ("a/b-c_d", "s.a.b-c_d"),
            ("a.b", "s.a%2Eb"),
            ("a>", "s.a%3E"),
            (">", "s.%3E"),
            ("%", "s.%25"),
            ("/", "s.%.%"),
            ("a//", "s.a.%.%"),
            ("ü b", "s.%C3%BC%20b"),
        ] {
            let topics = Topics::new([topic]).unwrap();
            let subject = subject_for_event("s", &topics);
            assert_eq!(subject, expected);
            assert!(
                subject_matches_event(&subject, "s", &topics)
                    && subject_matches_event("s", "s", &topics)
            );
            assert!(!subject_matches_event("s.other", "s", &topics));
            assert!(subjects.insert(subject));
        }
        let several = Topics::new(["a", "b"]).unwrap();
        assert_eq!(subject_for_event("s", &several), "s");
        assert!(!subject_matches_event("s.a", "s", &several));
    }

    #[test]
    fn patterns_become_those_of_nats() {
        let of = |patterns: &[&str]| {
            subjects_for_filters("s", &TopicFilters::from_patterns(patterns).unwrap())
        };
        let some =
            |subjects: &[&str]| Some(subjects.iter().map(|&subject| subject.to_owned()).collect());
        assert_eq!(of(&["a/b"]), some(&["s", "s.a.b"]));
        assert_eq!(
            of(&["a/*/c", "b.b/**"]),
            some(&["s", "s.a.*.c", "s.b%2Eb.>"])
        );
        assert_eq!(of(&["a", "**"]), None);
        let many: Vec<_> = (0..8).map(|topic| topic.to_string()).collect();
        let many: Vec<_> = many.iter().map(|topic| &**topic).collect();
        assert_eq!(of(&many[..7]).map(|subjects| subjects.len()), Some(8));
        assert_eq!(of(&many), None);
    }
}
