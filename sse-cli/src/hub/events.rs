//! `GET /events`.

use std::sync::Arc;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use sse_hub::{SubscribeError, SubscriptionBuilder};
use sse_hyper::EventId;

use crate::hub::{
    answer::{Body, Refusal},
    connection::{Probing, State},
    query::{EARLIEST, Query},
    server::Server,
};

/// Returns a response with the stream of the events that the query selects.
pub(crate) fn events<B>(server: &Server, request: &Request<B>) -> Result<Response<Body>, Refusal> {
    server.access.check_subscriber(request)?;
    let query = Query::parse(request.uri())?;
    let mut subscriber = server
        .hub
        .subscription(query.filters.clone())
        .lag_policy(server.slow);
    if let Some(events) = server.max_lag {
        subscriber = subscriber.max_lag(events);
    }
    let subscription = start(subscriber, &query, request.headers()).subscribe();
    let subscription = subscription.map_err(|error| match error {
        SubscribeError::Denied(_) => Refusal::new(StatusCode::FORBIDDEN, error),
        _ => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error),
    })?;
    let connection = request.extensions().get::<Arc<State>>().cloned();
    let events = Probing::new(subscription, connection);
    let response = server.streams.respond(request, events);
    Ok(response.map(BodyExt::boxed_unsync))
}

/// Sets the start of a subscription. The `Last-Event-ID` header has precedence over the ID in the query, because a
/// browser sends it when it reconnects. An ID has precedence over the other parameters.
fn start(
    subscriber: SubscriptionBuilder,
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
        None => subscriber.after_unknown(),
        Some(Some(id)) if id.as_str() == EARLIEST => subscriber.from_start(),
        Some(Some(id)) => subscriber.after(Some(&id)),
        Some(None) if query.earliest => subscriber.from_start(),
        Some(None) => match query.newest {
            Some(events) => subscriber.replay_last(events),
            None => subscriber,
        },
    }
}
