//! `GET /events`.

use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use sse_hub::{Selection, SubscribeError};
use sse_hyper::EventId;

use crate::hub::{
    answer::{Body, Refusal},
    draft::check_encoding,
    incoming::Incoming,
    server::Server,
};

/// A stream of what the query selects.
pub(crate) fn events(
    server: &Server,
    request: &Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    server.access.check_subscriber(request)?;
    let query = Query::of(request.uri())?;
    let last_event_id = last_event_id(request)?;
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
    let subscription = subscriber.after(last_event_id.as_ref()).subscribe();
    let subscription = subscription.map_err(|error| match error {
        SubscribeError::Denied(_) => Refusal::new(StatusCode::FORBIDDEN, error),
        _ => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error),
    })?;
    let response = server.streams.respond(request, subscription);
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
        let mut topics = Vec::new();
        let mut newest = None;
        // What libraries add against caches is let be.
        for (name, value) in form_urlencoded::parse(query) {
            match &*name {
                "topic" => topics.push(value),
                "newest" => newest = Some(number(&value)?),
                _ => {}
            }
        }
        let selection = Selection::new(topics)
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
fn last_event_id(request: &Request<Incoming>) -> Result<Option<EventId>, Refusal> {
    let id = match sse_hyper::last_event_id(request.headers()) {
        Ok(None) => sse_hyper::last_event_id_in_query(request.uri(), "lastEventId"),
        id => id,
    };
    id.map_err(Refusal::bad)
}
