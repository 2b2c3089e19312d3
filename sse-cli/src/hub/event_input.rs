//! Event of a publisher as JSON or as a form, before it is checked.

use core::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, json, value::RawValue};
use sse_hub::{InvalidTopic, Publication, Topics};
use sse_hyper::{Event, EventType};

use crate::{
    hub::{openapi::query_parameter, response::Refusal},
    json,
};

/// Event types that only the hub may send.
pub(crate) const OWN_TYPES: [&str; 5] = ["closing", "denied", "lagged", "position", "reset"];

/// Event types by which a browser's `EventSource` reports the state of its connection.
pub(crate) const BROWSER_TYPES: [&str; 2] = ["error", "open"];

/// Maximum length of a type or a key in bytes, as for topics.
const MAX_FIELD_BYTES: usize = 256;

/// Maximum number of topics of an event, and of a subscriber.
pub(crate) const MAX_TOPICS: usize = 64;

/// Event that is not yet checked.
#[derive(Default)]
pub(crate) struct EventInput {
    topics: TopicList,
    data: Option<String>,
    event_type: Option<String>,
    key: Option<String>,
}

/// JSON object of an event.
#[derive(Default)]
struct JsonFields<'a> {
    topic: Option<String>,
    topics: Option<TopicList>,
    data: Option<&'a RawValue>,
    event_type: Option<String>,
    key: Option<String>,
    /// The object has the field `id`, which only the hub may set.
    has_id: bool,
}

/// Names of the fields that a publisher may set.
const FIELDS: &[&str] = &["topic", "topics", "data", "type", "key"];

/// Field of the JSON object of an event.
enum Field {
    Topic,
    Topics,
    Data,
    Type,
    Key,
    Id,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Field, E> {
                match name {
                    "topic" => Ok(Field::Topic),
                    "topics" => Ok(Field::Topics),
                    "data" => Ok(Field::Data),
                    "type" => Ok(Field::Type),
                    "key" => Ok(Field::Key),
                    "id" => Ok(Field::Id),
                    _ => Err(E::unknown_field(name, FIELDS)),
                }
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

impl<'de> Deserialize<'de> for JsonFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = JsonFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonFields<'de>, A::Error> {
                let mut fields = JsonFields::default();
                while let Some(field) = map.next_key()? {
                    match field {
                        Field::Topic => set(&mut fields.topic, "topic", &mut map)?,
                        Field::Topics => set(&mut fields.topics, "topics", &mut map)?,
                        Field::Data => set(&mut fields.data, "data", &mut map)?,
                        Field::Type => set(&mut fields.event_type, "type", &mut map)?,
                        Field::Key => set(&mut fields.key, "key", &mut map)?,
                        Field::Id => {
                            map.next_value::<IgnoredAny>()?;
                            fields.has_id = true;
                        }
                    }
                }
                match fields.data.is_some() || fields.has_id {
                    true => Ok(fields),
                    false => Err(de::Error::missing_field("data")),
                }
            }
        }

        /// Sets a field to the next value of the object, unless it is set.
        fn set<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
            field: &mut Option<T>,
            name: &'static str,
            map: &mut A,
        ) -> Result<(), A::Error> {
            if field.is_some() {
                return Err(de::Error::duplicate_field(name));
            }
            *field = Some(map.next_value()?);
            Ok(())
        }

        deserializer.deserialize_map(Object)
    }
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
                    topics.push(topic).map_err(de::Error::custom)?;
                }
                Ok(topics)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// Name of the schema of the JSON object of an event in `/openapi.json`.
pub(crate) const EVENT_SCHEMA: &str = "Event";

/// Returns the schema of the JSON object of an event. Lengths are in characters there, and in bytes here.
pub(crate) fn json_schema() -> Value {
    let data =
        json!({ "description": "A text, or any other JSON, which is sent as it is written" });
    let mut schema = fields_schema(topic_schema(), data);
    schema["properties"]["topics"] = topics_schema();
    schema["required"] = json!(["data"]);
    schema["oneOf"] = json!([{ "required": ["topic"] }, { "required": ["topics"] }]);
    schema
}

/// Returns the schema of the fields of a form.
pub(crate) fn form_schema(max_event: usize) -> Value {
    fields_schema(
        topics_schema(),
        json!({ "type": "string", "maxLength": max_event }),
    )
}

fn fields_schema(topic: Value, data: Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "topic": topic,
            "data": data,
            "type": type_schema(),
            "key": key_schema(),
        },
        "required": ["topic", "data"],
        "additionalProperties": false,
    })
}

/// Returns the parameters of the query of a `text/plain` body.
pub(crate) fn query_parameters() -> Vec<Value> {
    let parameter = |name, schema| {
        query_parameter(
            name,
            "Only with a body of the type text/plain, which is the data",
            schema,
        )
    };
    vec![
        parameter("topic", topics_schema()),
        parameter("type", type_schema()),
        parameter("key", key_schema()),
    ]
}

/// Control characters in a class of a regular expression.
const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";

fn topic_schema() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_FIELD_BYTES,
        "pattern": format!("^[^*{CONTROL}]+$"),
    })
}

/// Returns the schema of a topic or a pattern.
pub(crate) fn topic_filter_schema() -> Value {
    // A star is a whole segment, and two of them are the last one.
    let segment = format!("[^*/{CONTROL}]*");
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_FIELD_BYTES,
        "pattern": format!("^(({segment}|\\*)/)*({segment}|\\*{{1,2}})$"),
    })
}

fn topics_schema() -> Value {
    json!({ "type": "array", "items": topic_schema(), "minItems": 1, "maxItems": MAX_TOPICS })
}

fn type_schema() -> Value {
    let reserved: Vec<_> = OWN_TYPES.into_iter().chain(BROWSER_TYPES).collect();
    json!({
        "type": "string",
        "maxLength": MAX_FIELD_BYTES,
        "pattern": "^[^\\r\\n]*$",
        "not": { "enum": reserved },
    })
}

fn key_schema() -> Value {
    json!({
        "type": "string",
        "description": "Compaction key: the event replaces earlier ones with the same key",
        "minLength": 1,
        "maxLength": MAX_FIELD_BYTES,
        "pattern": format!("^[^{CONTROL}]+$"),
    })
}

impl EventInput {
    /// Parses a JSON object.
    pub(crate) fn from_json(text: &str) -> Result<Self, Refusal> {
        let fields: JsonFields<'_> = json::object(text.as_bytes()).map_err(Refusal::bad)?;
        if fields.has_id {
            return Err(id_refusal());
        }
        let topics = match (fields.topic, fields.topics) {
            (Some(_), Some(_)) => {
                return Err(Refusal::bad("`topic` and `topics` cannot be used together"));
            }
            (Some(topic), None) => TopicList(vec![topic]),
            (None, topics) => topics.unwrap_or_default(),
        };
        let data = match fields.data.map(RawValue::get) {
            Some(string) if string.starts_with('"') => serde_json::from_str(string)
                .map_err(|error| Refusal::bad(format_args!("data: {error}")))?,
            // The JSON is not parsed, because a number may have more digits than any Rust type.
            json => json.map(str::to_owned),
        };
        Ok(Self {
            topics,
            data,
            event_type: fields.event_type,
            key: fields.key,
        })
    }

    /// Parses the fields of a form, or of a query.
    pub(crate) fn from_form(encoded: &[u8]) -> Result<Self, Refusal> {
        check_encoding(encoded)?;
        let mut input = Self::default();
        for (name, value) in form_urlencoded::parse(encoded) {
            let field = match &*name {
                "topic" => {
                    let topic = value.into_owned();
                    input.topics.push(topic).map_err(Refusal::bad)?;
                    continue;
                }
                "data" => &mut input.data,
                "type" => &mut input.event_type,
                "key" => &mut input.key,
                "id" => return Err(id_refusal()),
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
        Ok(input)
    }

    /// Sets the data to the body. It is an error if the query has data, too.
    pub(crate) fn with_data(mut self, data: String) -> Result<Self, Refusal> {
        match self.data.replace(data) {
            None => Ok(self),
            Some(_) => Err(Refusal::bad("data: given in the body and in the query")),
        }
    }

    /// Checks all fields, and returns the event.
    pub(crate) fn into_publication(self, max_event: usize) -> Result<Publication, Refusal> {
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
        let mut publication = Publication::new(topics, event);
        if let Some(text) = self.key {
            publication.key = Some(key(text)?);
        }
        Ok(publication)
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
    match text
        .char_indices()
        .find(|(_, character)| character.is_control())
    {
        Some((offset, character)) => Err(Refusal::bad(format_args!(
            "key has the control character {character:?} at byte {offset}"
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

fn id_refusal() -> Refusal {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_an_event_has_all_fields() {
        let schema = json_schema();
        let described = schema["properties"].as_object().unwrap().keys();
        let mut known = FIELDS.to_vec();
        known.sort_unstable();
        assert!(described.eq(known), "{schema}");
    }

    fn refusal(json: &str) -> String {
        let refusal = EventInput::from_json(json).err();
        refusal.expect("the object is refused").reason
    }

    #[test]
    fn the_field_id_is_refused_with_its_reason() {
        for json in [
            r#"{"topic":"a","data":"a","id":"7"}"#,
            r#"{"id":{"b":[]},"id":null}"#,
        ] {
            assert_eq!(refusal(json), "id: the hub gives each event its ID");
        }
    }

    #[test]
    fn other_unknown_fields_are_not_taken_for_an_id() {
        let json = r#"{"topic":"a","data":"a","unknown field `id`, ":1}"#;
        assert!(
            refusal(json).contains("unknown field `unknown field `id`, `, expected one of `topic`")
        );
        assert!(refusal(r#"{"topic":"a"}"#).contains("missing field `data`"));
        assert!(refusal(r#"{"data":1,"data":2}"#).contains("duplicate field `data`"));
    }
}
