//! An event of a publisher, as JSON or as a form, before it is checked.

use core::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use sse_hub::{InvalidTopic, Publication, Topics};
use sse_hyper::{Event, EventType};

use crate::{hub::answer::Refusal, json};

/// Event types that only the hub itself may send.
pub(crate) const OWN_TYPES: [&str; 5] = ["closing", "denied", "lagged", "position", "reset"];

/// Event types by which a browser's `EventSource` reports the state of its connection.
pub(crate) const BROWSER_TYPES: [&str; 2] = ["error", "open"];

/// Maximum length of a type or a key in bytes, as for topics.
const MAX_FIELD_BYTES: usize = 256;

/// Maximum number of topics of an event, and of a subscriber.
pub(crate) const MAX_TOPICS: usize = 64;

/// Event that is not yet checked.
#[derive(Default)]
pub(crate) struct Draft {
    topics: TopicList,
    data: Option<String>,
    event_type: Option<String>,
    key: Option<String>,
}

/// JSON object of an event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json<'a> {
    topic: Option<String>,
    topics: Option<TopicList>,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(rename = "type")]
    event_type: Option<String>,
    key: Option<String>,
}

/// List of at most [`MAX_TOPICS`] topics, which are not yet checked.
#[derive(Default)]
struct TopicList(Vec<String>);

impl TopicList {
    fn push(&mut self, topic: String) -> Result<(), InvalidTopic> {
        if self.0.len() == MAX_TOPICS {
            return Err(InvalidTopic::TooMany);
        }
        self.0.push(topic);
        Ok(())
    }
}

impl<'de> Deserialize<'de> for TopicList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = TopicList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of topics")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<TopicList, A::Error> {
                let mut topics = TopicList::default();
                while let Some(topic) = texts.next_element()? {
                    topics.push(topic).map_err(A::Error::custom)?;
                }
                Ok(topics)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

impl Draft {
    /// Parses a JSON object.
    pub(crate) fn of_json(text: &str) -> Result<Self, Refusal> {
        let json: Json<'_> = json::object(text.as_bytes()).map_err(|error| {
            let reason = error.to_string();
            // A field `id` of the struct would be in the list of expected fields.
            match reason.contains("unknown field `id`, ") {
                true => has_id(),
                false => Refusal::bad(reason),
            }
        })?;
        let topics = match (json.topic, json.topics) {
            (Some(_), Some(_)) => {
                return Err(Refusal::bad("`topic` and `topics` cannot be used together"));
            }
            (Some(topic), None) => TopicList(vec![topic]),
            (None, topics) => topics.unwrap_or_default(),
        };
        let data = json.data.get();
        let data = match data.starts_with('"') {
            true => serde_json::from_str(data)
                .map_err(|error| Refusal::bad(format_args!("data: {error}")))?,
            // The text is not parsed, because a number may have more digits than any Rust type.
            false => data.to_owned(),
        };
        Ok(Self {
            topics,
            data: Some(data),
            event_type: json.event_type,
            key: json.key,
        })
    }

    /// Parses the fields of a form, or of a query.
    pub(crate) fn of_form(encoded: &[u8]) -> Result<Self, Refusal> {
        check_encoding(encoded)?;
        let mut draft = Self::default();
        for (name, value) in form_urlencoded::parse(encoded) {
            let field = match &*name {
                "topic" => {
                    let topic = value.into_owned();
                    draft.topics.push(topic).map_err(Refusal::bad)?;
                    continue;
                }
                "data" => &mut draft.data,
                "type" => &mut draft.event_type,
                "key" => &mut draft.key,
                "id" => return Err(has_id()),
                _ => {
                    return Err(Refusal::bad(format_args!(
                        "unknown field {name:?}; known fields are topic, data, type and key"
                    )));
                }
            };
            if field.replace(value.into_owned()).is_some() {
                return Err(Refusal::bad(format_args!("{name}: given twice")));
            }
        }
        Ok(draft)
    }

    /// Sets the data to the body. It is an error if the query has data, too.
    pub(crate) fn with_data(mut self, data: String) -> Result<Self, Refusal> {
        match self.data.replace(data) {
            None => Ok(self),
            Some(_) => Err(Refusal::bad("data: given in the body and in the query")),
        }
    }

    /// Checks all fields, and returns the event.
    pub(crate) fn post(self, max_event: usize) -> Result<Publication, Refusal> {
        let topics = Topics::new(self.topics.0).map_err(Refusal::bad)?;
        let data = self.data.ok_or_else(|| Refusal::bad("no data"))?;
        if data.len() > max_event {
            return Err(Refusal::too_large(format_args!(
                "data is {} bytes, limit is {max_event}",
                data.len()
            )));
        }
        let mut event = Event::new(data);
        if let Some(text) = self.event_type {
            event = event.with_type(event_type(text)?);
        }
        let mut post = Publication::new(topics, event);
        if let Some(text) = self.key {
            post.key = Some(key(text)?);
        }
        Ok(post)
    }
}

fn event_type(text: String) -> Result<EventType, Refusal> {
    check_length("type", &text)?;
    if OWN_TYPES.contains(&&*text) {
        return Err(Refusal::bad(format_args!(
            "type: {text:?} is reserved for the hub"
        )));
    }
    if BROWSER_TYPES.contains(&&*text) {
        return Err(Refusal::bad(format_args!(
            "type: {text:?} is reserved: browsers use it for the state of the connection"
        )));
    }
    EventType::new(text).map_err(Refusal::bad)
}

fn key(text: String) -> Result<Arc<str>, Refusal> {
    check_length("key", &text)?;
    match text.char_indices().find(|(_, it)| it.is_control()) {
        Some((at, character)) => Err(Refusal::bad(format_args!(
            "key has the control character {character:?} at byte {at}"
        ))),
        None if text.is_empty() => Err(Refusal::bad("key: empty")),
        None => Ok(text.into()),
    }
}

fn check_length(name: &str, text: &str) -> Result<(), Refusal> {
    match text.len() {
        0..=MAX_FIELD_BYTES => Ok(()),
        length => Err(Refusal::bad(format_args!(
            "{name} is {length} bytes, limit is {MAX_FIELD_BYTES}"
        ))),
    }
}

fn has_id() -> Refusal {
    Refusal::bad("id: the hub gives each event its ID")
}

/// Checks that a form or a query is valid UTF-8. The parser would silently replace invalid bytes.
pub(crate) fn check_encoding(encoded: &[u8]) -> Result<(), Refusal> {
    match percent_decode(encoded).decode_utf8() {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::bad(format_args!(
            "not UTF-8 when decoded: {error}"
        ))),
    }
}
