//! `GET /events`: the query of a subscriber, and its stream.

use std::sync::Arc;

use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sse_hub::{InvalidTopic, SubscribeError, Subscription, SubscriptionBuilder, TopicFilters};
use sse_hyper::EventId;

use crate::hub::{
    connection::{ConnectionState, ProbingSubscription},
    event_input::{MAX_TOPICS, OWN_TYPES, check_encoding, topic_filter_schema},
    openapi::{self, Operation, query_parameter},
    options::PING_TYPE,
    response::{Body, Refusal, RefusalKind},
    server::Server,
    suggestion::nearest,
};

/// Describes a subscription for `/openapi.json`.
pub(crate) fn describe(server: &Server) -> Operation {
    let topics = json!({
        "type": "array",
        "items": topic_filter_schema(),
        "minItems": 1,
        "maxItems": MAX_TOPICS,
    });
    let topic =
        "Topics or patterns: `*` stands for one segment, and `**` at the end for one or more";
    let mut topic = query_parameter("topic", topic, topics);
    topic["required"] = true.into();
    let id = json!({ "type": "string" });
    let parameters = vec![
        topic,
        query_parameter(
            "newest",
            "Begins with this number of the newest events that are kept",
            json!({ "type": "integer", "minimum": 0 }),
        ),
        query_parameter(
            "earliest",
            "Begins with all events that are kept",
            json!({ "type": "string", "enum": FLAGS.map(|(text, _)| text) }),
        ),
        query_parameter(
            "lastEventId",
            "Begins after this event, for clients that cannot send the header",
            id.clone(),
        ),
        json!({
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Begins after this event; has precedence over the query",
            "schema": id,
        }),
    ];
    Operation {
        parameters,
        ..Operation::new(
            "subscribe",
            "Subscribes to topics",
            openapi::event_stream(event_schema(server)),
        )
    }
    .with_security(server.access.subscribe_schemes())
    .with_refusals([StatusCode::SERVICE_UNAVAILABLE])
}

/// Returns the schema of all events of a stream: those of publishers, and those of the hub.
fn event_schema(server: &Server) -> Value {
    let text = json!({ "type": "string" });
    let own = |name: &str, fields: Value| {
        let data = json!({
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": { "type": "object", "properties": fields, "additionalProperties": false },
        });
        openapi::event(json!({ "const": name }), data, &["event", "data"])
    };
    let count = json!({ "type": "integer", "minimum": 0 });
    let mut events = vec![
        own("position", json!({})),
        own(
            "reset",
            json!({ "reason": { "enum": ["too old", "unknown", "unavailable"] } }),
        ),
        own("lagged", json!({ "behind": count, "missed": count })),
        own("closing", json!({ "reason": { "const": "shutdown" } })),
    ];
    let mut reserved = OWN_TYPES.to_vec();
    if server.sends_pings {
        events.push(own(PING_TYPE, json!({})));
        reserved.push(PING_TYPE);
    }
    let event_type = json!({ "type": "string", "not": { "enum": reserved } });
    events.push(openapi::event(event_type, text, &["data"]));
    json!({ "oneOf": events })
}

/// Returns a response with the stream of the events that the query selects.
pub(crate) fn subscribe<B>(
    server: &Server,
    request: &Request<B>,
) -> Result<Response<Body>, Refusal> {
    server.access.check_subscriber(request)?;
    let query = Query::parse(request.uri())?;
    let builder = server.subscription(query.filters.clone());
    let subscription = with_start(builder, &query, request.headers()).subscribe()?;
    Ok(stream(server, request, subscription))
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Denied(_) => Self::new(StatusCode::FORBIDDEN, error),
            _ => Self::new(StatusCode::SERVICE_UNAVAILABLE, error).with_kind(RefusalKind::Full),
        }
    }
}

/// Returns a response with the events of a subscription. The event loop takes its connection over if it can.
pub(crate) fn stream<B>(
    server: &Server,
    request: &Request<B>,
    subscription: Subscription,
) -> Response<Body> {
    if let Some(reactor) = &server.reactor
        && request.version() == Version::HTTP_11
    {
        let response = reactor.respond(request, subscription);
        return response.map(BodyExt::boxed_unsync);
    }
    let connection = request.extensions().get::<Arc<ConnectionState>>().cloned();
    let events = ProbingSubscription::new(subscription, connection);
    let response = server.streams.respond(request, events);
    response.map(BodyExt::boxed_unsync)
}

/// Sets the start of a subscription. The `Last-Event-ID` header has precedence over the ID in the query, because a
/// browser sends it when it reconnects. An ID has precedence over the other parameters.
fn with_start(
    builder: SubscriptionBuilder,
    query: &Query,
    headers: &HeaderMap,
) -> SubscriptionBuilder {
    let in_query = || {
        query
            .last_event_id
            .clone()
            .map(EventId::new)
            .transpose()
            .ok()
    };
    let id = match sse_hyper::last_event_id(headers) {
        Ok(None) => in_query(),
        id => id.ok(),
    };
    match id {
        // The ID is invalid. An error status would end a browser's `EventSource` for good.
        None => builder.after_unknown(),
        Some(Some(id)) if id.as_str() == EARLIEST => builder.from_start(),
        Some(Some(id)) => builder.after(Some(&id)),
        Some(None) if query.earliest => builder.from_start(),
        Some(None) => match query.newest {
            Some(events) => builder.replay_last(events),
            None => builder,
        },
    }
}

/// Documented names of the parameters.
const PARAMETERS: [&str; 5] = ["topic", "newest", "earliest", "lastEventId", "access_token"];

/// Name of the parameter that libraries add to prevent cached responses. Its value is ignored.
const CACHE_BUSTER: &str = "_";

/// Last event ID with which a client requests all events that are kept.
const EARLIEST: &str = "earliest";

/// Parameters of a subscription.
#[derive(Debug)]
struct Query {
    filters: TopicFilters,
    newest: Option<usize>,
    /// Requests all events that are kept.
    earliest: bool,
    last_event_id: Option<String>,
}

impl Query {
    fn parse(uri: &Uri) -> Result<Self, Refusal> {
        let query = uri.query().unwrap_or_default().as_bytes();
        check_encoding(query).map_err(|refusal| refusal.at("the query"))?;
        let (mut topics, mut newest, mut earliest) = (Vec::new(), None, None);
        let (mut last_event_id, mut access_token) = (None, None);
        for (name, value) in form_urlencoded::parse(query) {
            let is_second = match documented_name(&name) {
                Some("topic") if topics.len() == MAX_TOPICS => {
                    return Err(Refusal::bad(InvalidTopic::TooMany));
                }
                Some("topic") => {
                    topics.push(value);
                    false
                }
                Some("newest") => newest.replace(number(&value)?).is_some(),
                Some("earliest") => earliest.replace(flag(&value)?).is_some(),
                Some("lastEventId") => last_event_id.replace(value.into_owned()).is_some(),
                Some("access_token") => access_token.replace(()).is_some(),
                Some(_) => false,
                None => return Err(unknown_parameter(&name)),
            };
            if is_second {
                return Err(Refusal::bad(format_args!("{name}: given twice")));
            }
        }
        let filters = TopicFilters::from_patterns(topics)
            .map_err(|error| Refusal::bad(format_args!("{error}; use /events?topic=…")))?;
        Ok(Self {
            filters,
            newest,
            earliest: earliest.unwrap_or(false),
            last_event_id: last_event_id.filter(|id| !id.is_empty()),
        })
    }
}

/// Returns the documented name of a parameter. Clients spell the name of the last event ID in many ways.
fn documented_name(name: &str) -> Option<&'static str> {
    if name == CACHE_BUSTER {
        return Some(CACHE_BUSTER);
    }
    let is_letter = |letter: &char| !matches!(letter, '-' | '_');
    let is_last_event_id = || {
        let letters = name
            .chars()
            .filter(is_letter)
            .map(|letter| letter.to_ascii_lowercase());
        letters.eq("lasteventid".chars())
    };
    match PARAMETERS.into_iter().find(|known| *known == name) {
        None if is_last_event_id() => Some("lastEventId"),
        found => found,
    }
}

fn unknown_parameter(name: &str) -> Refusal {
    let names = PARAMETERS.join(", ");
    Refusal::bad(match nearest(name, PARAMETERS) {
        Some(nearest) => {
            format!("unknown parameter {name:?}; did you mean {nearest}? Known ones are {names}")
        }
        None => format!("unknown parameter {name:?}; known ones are {names}"),
    })
}

fn number(text: &str) -> Result<usize, Refusal> {
    #[expect(clippy::disallowed_methods, reason = "a sign before it does no harm")]
    text.parse()
        .map_err(|error| Refusal::bad(format_args!("newest: {text:?}: {error}")))
}

/// Values of a flag in a query. `?earliest` has the empty one.
const FLAGS: [(&str, bool); 5] = [
    ("", true),
    ("true", true),
    ("1", true),
    ("false", false),
    ("0", false),
];

fn flag(text: &str) -> Result<bool, Refusal> {
    match FLAGS.into_iter().find(|(known, _)| *known == text) {
        Some((_, value)) => Ok(value),
        None => Err(Refusal::bad(format_args!(
            "earliest: {text:?} is not true or false"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Query, String> {
        let uri = Uri::try_from(format!("/events?{query}")).unwrap();
        Query::parse(&uri).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_last_event_id_has_many_spellings() {
        for name in [
            "lastEventId",
            "lastEventID",
            "last-event-id",
            "last_event_id",
            "Last-Event-ID",
            "LAST_EVENT_ID",
            "lasteventid",
        ] {
            let query = parse(&format!("topic=a&{name}=7")).unwrap();
            assert_eq!(query.last_event_id.as_deref(), Some("7"), "{name}");
            let error = parse(&format!("topic=a&lastEventId=7&{name}=8")).unwrap_err();
            assert_eq!(error, format!("{name}: given twice"));
        }
        assert_eq!(parse("topic=a&lastEventId=").unwrap().last_event_id, None);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_known_one() {
        for (name, nearest) in [
            ("newst", "newest"),
            ("Newest", "newest"),
            ("earlest", "earliest"),
            ("topics", "topic"),
            ("topic[]", "topic"),
            ("Topic", "topic"),
            ("lastEvent", "lastEventId"),
            ("last_id", "lastEventId"),
            ("access-token", "access_token"),
            ("accessToken", "access_token"),
        ] {
            let error = parse(&format!("topic=a&{name}=3")).unwrap_err();
            let expected = format!("unknown parameter {name:?}; did you mean {nearest}? Known ");
            assert!(error.starts_with(&expected), "{error}");
        }
        for name in ["", "x", "authorization", &"newest".repeat(20)] {
            let error = parse(&format!("topic=a&{name}=3")).unwrap_err();
            assert!(
                error.contains("; known ones are topic, newest, earliest, lastEventId"),
                "{error}"
            );
        }
        assert!(
            parse("topic=a&_=1700000000000").is_ok(),
            "as jQuery adds it"
        );
    }

    #[test]
    fn earliest_needs_no_value() {
        for (query, expected) in [
            ("earliest", true),
            ("earliest=", true),
            ("earliest=true", true),
            ("earliest=1", true),
            ("earliest=false", false),
            ("earliest=0", false),
            ("newest=1", false),
        ] {
            assert_eq!(
                parse(&format!("topic=a&{query}")).unwrap().earliest,
                expected,
                "{query}"
            );
        }
        assert!(parse("topic=a&earliest=10").is_err());
    }
}
