//! `GET /events`.

use std::sync::Arc;

use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use sse_hub::{InvalidTopic, Selection, SubscribeError};
use sse_hyper::{EventId, InvalidLastEventId};

use crate::hub::{
    answer::{Body, Refusal},
    connection::{Probing, State},
    draft::{MAX_TOPICS, check_encoding},
    server::Server,
};

/// A stream of what the query selects.
pub(crate) fn events<B>(server: &Server, request: &Request<B>) -> Result<Response<Body>, Refusal> {
    server.access.check_subscriber(request)?;
    let query = Query::of(request.uri())?;
    let mut subscriber = server
        .hub
        .subscriber(query.selection)
        .when_slow(server.slow);
    if let Some(events) = server.max_lag {
        subscriber = subscriber.with_max_lag(events);
    }
    if let Some(events) = query.newest {
        subscriber = subscriber.with_newest(events);
    }
    // An error status would end a browser's `EventSource` for good.
    let subscriber = match last_event_id(request) {
        Ok(id) => subscriber.after(id.as_ref()),
        Err(_) => subscriber.after_unknown(),
    };
    let subscription = subscriber.subscribe().map_err(|error| match error {
        SubscribeError::Denied(_) => Refusal::new(StatusCode::FORBIDDEN, error),
        _ => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error),
    })?;
    let connection = request.extensions().get::<Arc<State>>().cloned();
    let events = Probing::new(subscription, connection);
    let response = server.streams.respond(request, events);
    Ok(response.map(BodyExt::boxed_unsync))
}

/// What is asked for.
struct Query {
    selection: Selection,
    newest: Option<usize>,
}

impl Query {
    fn of(uri: &Uri) -> Result<Self, Refusal> {
        let query = uri.query().unwrap_or_default().as_bytes();
        check_encoding(query).map_err(|refusal| refusal.at("the query"))?;
        let (mut topics, mut newest, mut last_event_id) = (Vec::new(), None, None);
        // What libraries add against caches is let be.
        for (name, value) in form_urlencoded::parse(query) {
            let is_second = match &*name {
                "topic" if topics.len() == MAX_TOPICS => {
                    return Err(Refusal::bad(InvalidTopic::TooMany));
                }
                "topic" => {
                    topics.push(value);
                    false
                }
                "newest" => newest.replace(number(&value)?).is_some(),
                "lastEventId" => last_event_id.replace(()).is_some(),
                _ => false,
            };
            if is_second {
                return Err(Refusal::bad(format_args!("{name}: there are two")));
            }
        }
        let selection = Selection::from_patterns(topics)
            .map_err(|error| Refusal::bad(format_args!("{error}; ask for /events?topic=…")))?;
        Ok(Self { selection, newest })
    }
}

fn number(text: &str) -> Result<usize, Refusal> {
    #[expect(clippy::disallowed_methods, reason = "a sign before it does no harm")]
    text.parse()
        .map_err(|error| Refusal::bad(format_args!("newest: {text:?}: {error}")))
}

/// From the header, which a browser sets when it comes back, or from the query.
fn last_event_id<B>(request: &Request<B>) -> Result<Option<EventId>, InvalidLastEventId> {
    match sse_hyper::last_event_id(request.headers()) {
        Ok(None) => sse_hyper::last_event_id_in_query(request.uri(), "lastEventId"),
        id => id,
    }
}
