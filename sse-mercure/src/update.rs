use core::time::Duration;

use sse_hub::{Event, EventId, EventType, Publication, Topic, Topics};

use crate::{
    EARLIEST, Limits, Matchers, RequestError, SUBSCRIPTION_EVENT_TYPE, matcher::WILDCARD,
    parameters, text,
};

/// Update that a publisher sends, from the fields of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// Canonical topic, and then the alternate topics: 1 to 64.
    pub topics: Vec<Topic>,
    /// Content of the update. A CR or CRLF becomes an LF when it is sent.
    pub data: String,
    /// Only subscribers with a grant for one of the topics receive the update.
    pub private: bool,
    /// ID that the publisher has chosen.
    pub id: Option<EventId>,
    /// Event type. `None` for `message`.
    pub event_type: Option<EventType>,
    /// Reconnection time.
    pub retry: Option<Duration>,
}

impl Update {
    /// Parses the body of a publication. Unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if there is no topic, if a topic, ID or type is reserved for the hub, or if a field is not
    /// valid or exceeds its limit.
    pub fn parse(matchers: &Matchers, limits: &Limits, body: &[u8]) -> Result<Self, RequestError> {
        let mut update = Self::default();
        let mut data = None;
        for (name, value) in parameters::parse(body)? {
            match &*name {
                "topic" => update.add_topic(matchers, limits, &value)?,
                // > The presence of the field name marks the update as private regardless of its value.
                "private" => update.private = true,
                // Clients send empty values for fields that they do not use.
                "id" | "type" | "retry" if value.is_empty() => {}
                "data" => set(&mut data, "data", value.into_owned())?,
                "id" => set(&mut update.id, "id", id(limits, &value)?)?,
                "type" => set(&mut update.event_type, "type", event_type(limits, &value)?)?,
                // > Hubs MUST reject violating values with a 400 HTTP status code.
                "retry" => set(&mut update.retry, "retry", retry(&value)?)?,
                _ => {}
            }
        }
        update.data = data.unwrap_or_default();
        match update.topics.is_empty() {
            true => Err(RequestError::NoTopic),
            false => Ok(update),
        }
    }

    fn add_topic(
        &mut self,
        matchers: &Matchers,
        limits: &Limits,
        value: &str,
    ) -> Result<(), RequestError> {
        if self.topics.len() == Limits::MATCHERS {
            return Err(RequestError::TooManyTopics);
        }
        check("topic", value, limits.topic_bytes)?;
        if value == WILDCARD || matchers.hub_url().is_reserved(value) {
            return Err(RequestError::ReservedTopic(value.to_owned()));
        }
        self.topics
            .push(Topic::opaque(value).map_err(RequestError::Topic)?);
        Ok(())
    }

    /// Converts the update to a publication for the hub.
    ///
    /// # Errors
    ///
    /// [`RequestError::Topic`] if there are no topics, or more than 64.
    pub fn into_publication(self) -> Result<Publication, RequestError> {
        let topics = Topics::from_topics(self.topics).map_err(RequestError::Topic)?;
        let mut event = Event::new(self.data);
        if let Some(event_type) = self.event_type {
            event = event.with_type(event_type);
        }
        if let Some(id) = self.id {
            event = event.with_id(id);
        }
        if let Some(retry) = self.retry {
            event = event.with_retry(retry);
        }
        Ok(Publication::new(topics, event).with_private(self.private))
    }
}

fn set<T>(field: &mut Option<T>, name: &'static str, value: T) -> Result<(), RequestError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(RequestError::Duplicate(name)),
    }
}

/// Checks the length and the characters of a field.
fn check(name: &'static str, value: &str, limit: usize) -> Result<(), RequestError> {
    let bytes = value.len();
    if bytes > limit {
        return Err(RequestError::TooLong { name, bytes, limit });
    }
    text::check(value).map_err(|error| RequestError::Text { name, error })
}

// > The provided ID MUST NOT start with the `#` character, MUST NOT be the reserved value `earliest`, and MUST NOT
// > contain control characters or Unicode format characters.
fn id(limits: &Limits, value: &str) -> Result<EventId, RequestError> {
    check("id", value, limits.id_bytes)?;
    let reserved = || RequestError::ReservedId(value.to_owned());
    if value.starts_with('#') || value == EARLIEST {
        return Err(reserved());
    }
    EventId::new(value).map_err(|_| reserved())
}

// > hubs MUST reject a publish request whose `type` is `mercure` with a 400 HTTP status code.
fn event_type(limits: &Limits, value: &str) -> Result<EventType, RequestError> {
    check("type", value, limits.type_bytes)?;
    match EventType::new(value) {
        Ok(event_type) if value != SUBSCRIPTION_EVENT_TYPE => Ok(event_type),
        _ => Err(RequestError::ReservedType),
    }
}

// > The value MUST consist solely of ASCII digits (U+0030–U+0039).
fn retry(value: &str) -> Result<Duration, RequestError> {
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RequestError::Retry(value.to_owned()));
    }
    #[expect(clippy::disallowed_methods, reason = "only digits are left")]
    let milliseconds = value.parse().unwrap_or(u64::MAX);
    Ok(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HubUrl;

    fn parse(body: &str) -> Result<Update, RequestError> {
        let hub = HubUrl::new("https://hub.example.com/.well-known/mercure").unwrap();
        Update::parse(&Matchers::new(hub), &Limits::default(), body.as_bytes())
    }

    #[test]
    fn all_fields() {
        let body = "topic=https%3A%2F%2Fexample.com%2Ffoo&data=a%0Ab+c&private&id=urn%3A1&type=t&\
                    retry=0100&topic=bar&other=x";
        let update = parse(body).unwrap();
        assert_eq!(update.topics, ["https://example.com/foo", "bar"]);
        assert_eq!((&*update.data, update.private), ("a\nb c", true));
        let publication = update.into_publication().unwrap();
        assert!(publication.private);
        let event = &publication.event;
        assert_eq!((event.event_type(), event.data()), ("t", "a\nb c"));
        assert_eq!(event.id().unwrap(), "urn:1");
        assert_eq!(event.retry(), Some(Duration::from_millis(100)));
    }

    #[test]
    fn only_a_topic_is_required() {
        let update = parse("topic=a").unwrap();
        assert_eq!(update.topics, ["a"]);
        let rest = Update {
            topics: Vec::new(),
            ..update
        };
        assert_eq!(rest, Update::default());
        assert_eq!(parse("data=x").unwrap_err(), RequestError::NoTopic);
        assert_eq!(parse("").unwrap_err(), RequestError::NoTopic);
        assert_eq!(parse("topic=a&type=&id=&retry="), parse("topic=a"));
    }

    #[test]
    fn the_presence_of_private_counts() {
        for (body, expected) in [
            ("", false),
            ("&private", true),
            ("&private=", true),
            ("&private=on", true),
            ("&private=false", true),
            ("&private=0&private=off", true),
            ("&Private=on", false),
        ] {
            let update = parse(&format!("topic=a{body}")).unwrap();
            assert_eq!(update.private, expected, "{body}");
        }
    }

    #[test]
    fn reserved_values_are_refused() {
        for (body, expected) in [
            ("topic=*", "topic \"*\" is reserved"),
            ("topic=a&topic=*", "topic \"*\" is reserved"),
            (
                "topic=a&topic=%2F.well-known%2F%256Dercure%2Fx",
                "topic \"/.well-known/%6Dercure/x\" is reserved",
            ),
            ("topic=a&id=%23a", "ID \"#a\" is reserved"),
            ("topic=a&id=earliest", "ID \"earliest\" is reserved"),
            ("topic=a&type=mercure", "type \"mercure\" is reserved"),
            ("topic=", "topic \"\" is reserved"),
            ("topic=a%0D", "field topic is not valid"),
            ("topic=a%E2%80%AE", "field topic is not valid"),
            ("topic=a&id=a%0Ab", "field id is not valid"),
            ("topic=a&id=a%00", "field id is not valid"),
            ("topic=a&type=a%C2%85", "field type is not valid"),
            (
                "topic=a&retry=%2B5",
                "retry \"+5\" is not a number of digits",
            ),
            (
                "topic=a&retry=1.5",
                "retry \"1.5\" is not a number of digits",
            ),
            (
                "topic=a&retry=%D9%A1",
                "retry \"١\" is not a number of digits",
            ),
            ("topic=a&data=%ff", "a parameter is not UTF-8"),
            ("topic=a&data=x&data=y", "field data is given twice"),
            ("topic=a&id=x&id=y", "field id is given twice"),
        ] {
            let error = parse(body).unwrap_err();
            assert_eq!(error.to_string(), expected, "{body}");
            assert_eq!(error.status(), 400, "{body}");
        }
        for body in ["topic=Mercure&type=Mercure&id=Earliest", "topic=a*&id=a%23"] {
            assert!(parse(body).is_ok(), "{body}");
        }
    }

    #[test]
    fn limits_have_status_413() {
        let topics = |count: usize| {
            (0..count)
                .map(|index| format!("topic={index}&"))
                .collect::<String>()
        };
        assert!(parse(&topics(64)).is_ok());
        for body in [
            topics(65),
            format!("topic={}", "a".repeat(4097)),
            format!("topic=a&id={}", "a".repeat(257)),
            format!("topic=a&type={}", "a".repeat(257)),
        ] {
            assert_eq!(parse(&body).unwrap_err().status(), 413);
        }
    }

    #[test]
    fn a_long_reconnection_time_is_the_longest() {
        let update = parse("topic=a&retry=99999999999999999999").unwrap();
        assert_eq!(update.retry, Some(Duration::from_millis(u64::MAX)));
    }
}
