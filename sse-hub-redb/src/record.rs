//! Record: the bytes of an event in the file.
//!
//! A record is a [`Header`] and then a [`Body`], each in the format of `postcard`. A change of either needs another
//! [format of the file](crate::file::FORMAT).

use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use sse_hub::{Event, EventId, EventType, Publication, Topic, Topics};

/// Part of a record that retention and the filters of a replay need.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header<'a> {
    published_at: u64,
    /// ID that the publisher has set.
    pub(crate) id: Option<&'a str>,
    #[serde(borrow)]
    topics: Vec<&'a str>,
}

/// Other parts of a record.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    /// Only subscribers with a grant receive the event.
    is_private: bool,
    key: Option<&'a str>,
    /// `None` for the default type `message`.
    event_type: Option<&'a str>,
    retry: Option<Duration>,
    data: &'a str,
}

/// Returns the memory that a record of this event takes at most, in bytes, apart from a constant.
pub(crate) fn weight(publication: &Publication) -> usize {
    let event = &publication.event;
    let topics = publication.topics.iter().map(|topic| topic.as_str());
    let id = event.id().map_or("", EventId::as_str);
    let key = publication.key.as_deref().unwrap_or("");
    // The ID is also a key of the index.
    let texts = [event.data(), event.event_type(), id, id, key];
    topics.chain(texts).map(str::len).sum()
}

/// Encodes an event that is published at this time, in milliseconds since 1970.
pub(crate) fn encode(
    publication: &Publication,
    published_at: u64,
) -> Result<Vec<u8>, postcard::Error> {
    let event = &publication.event;
    let header = Header {
        published_at,
        id: event.id().map(EventId::as_str),
        topics: publication
            .topics
            .iter()
            .map(|topic| topic.as_str())
            .collect(),
    };
    let body = Body {
        is_private: publication.private,
        key: publication.key.as_deref(),
        event_type: Some(event.event_type()).filter(|event_type| *event_type != "message"),
        retry: event.retry(),
        data: event.data(),
    };
    postcard::to_extend(&(header, body), Vec::with_capacity(event.data().len() + 64))
}

impl<'a> Header<'a> {
    /// Decodes the header of a record. Returns it with the bytes of the body.
    pub(crate) fn decode(record: &'a [u8]) -> Result<(Self, &'a [u8]), InvalidRecord> {
        postcard::take_from_bytes(record).map_err(InvalidRecord::new)
    }

    /// Returns the time of the publication of an event, in milliseconds since 1970. 0 if the record is damaged.
    pub(crate) fn published_at(record: &'a [u8]) -> u64 {
        Self::decode(record).map_or(0, |(header, _)| header.published_at)
    }

    /// Returns the topics of the event.
    pub(crate) fn topics(&self) -> Result<Topics, InvalidRecord> {
        let topics: Result<Vec<_>, _> = self.topics.iter().map(Topic::opaque).collect();
        let topics = topics.and_then(Topics::from_topics);
        topics.map_err(InvalidRecord::new)
    }

    /// Decodes the body of a record, after its header. Returns the event, with these topics.
    pub(crate) fn decode_body(
        &self,
        topics: Topics,
        body: &[u8],
    ) -> Result<Publication, InvalidRecord> {
        let body: Body<'_> = postcard::from_bytes(body).map_err(InvalidRecord::new)?;
        let mut event = Event::new(body.data);
        if let Some(event_type) = body.event_type {
            event = event.with_type(EventType::new(event_type).map_err(InvalidRecord::new)?);
        }
        if let Some(id) = self.id {
            event = event.with_id(EventId::new(id).map_err(InvalidRecord::new)?);
        }
        if let Some(retry) = body.retry {
            event = event.with_retry(retry);
        }
        let publication = Publication::new(topics, event).with_private(body.is_private);
        Ok(match body.key {
            Some(key) => publication.with_key(key),
            None => publication,
        })
    }
}

/// Reason why a record is not an event.
#[derive(Debug)]
pub(crate) struct InvalidRecord(String);

impl InvalidRecord {
    fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for InvalidRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(record: &[u8]) -> Result<Publication, InvalidRecord> {
        let (header, body) = Header::decode(record)?;
        let topics = header.topics()?;
        header.decode_body(topics, body)
    }

    #[test]
    fn events_come_back_as_they_were() {
        let event_type = EventType::new(" x: ").unwrap();
        let id = EventId::new("ü 1").unwrap();
        let retry = Duration::from_nanos(1_000_000_017);
        for event in [
            Event::new(""),
            Event::new("\u{feff}a\r\n\n b\0\n"),
            Event::new("1")
                .with_type(event_type)
                .with_id(id)
                .with_retry(retry),
        ] {
            for key in [None, Some(""), Some(" \r\n\0€")] {
                let long = "*".repeat(4096);
                let topics =
                    [" ", "a,b", "ü/豆腐", &long].map(|topic| Topic::opaque(topic).unwrap());
                let topics = Topics::from_topics(topics).unwrap();
                let mut publication = Publication::new(topics, event.clone());
                publication.private = key.is_some();
                publication.key = key.map(Into::into);
                let record = encode(&publication, u64::MAX).unwrap();
                assert_eq!(decode(&record).unwrap(), publication);
            }
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let topics = Topics::new(["t"]).unwrap();
        let record = encode(&Publication::new(topics, Event::new("data")), 1).unwrap();
        for length in 0..record.len() {
            assert!(decode(&record[..length]).is_err(), "{length}");
        }
        for position in 0..record.len() {
            let mut damaged = record.clone();
            damaged[position] = 0xff;
            // The result does not matter: no bytes cause a panic.
            drop(decode(&damaged));
        }
    }
}
