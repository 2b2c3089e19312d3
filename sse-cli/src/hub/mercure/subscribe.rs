//! Subscriptions: `GET` with the matchers in the query, and `QUERY` with more of them in the body.

use core::{error::Error, time::Duration};
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, request::Parts};
use serde_json::{Map, Value, json};
use sse_hub::{EventId, Start};
use sse_mercure::{
    AccessToken, AuthorizationError, EARLIEST, MatcherType, Role, SubscriptionDocument,
    SubscriptionRequest,
};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::hub::{
    connection::PeerAddress,
    mercure::{
        LAST_EVENT_ID, MERCURE_LAST_EVENT_ID, Mercure,
        authorize::Denial,
        client_limits::CountedStream,
        presence::PresentStream,
        publish::{FORM_TYPE, check_form},
    },
    openapi::{self, Operation, query_parameter},
    publish,
    response::{Body, Refusal},
    server::Server,
    subscribe,
};

/// Maximum size of the body of a subscription, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Describes a subscription for `/openapi.json`.
pub(crate) fn describe(mercure: &Mercure, id: &'static str) -> Operation {
    let mut parameters: Vec<_> = matchers(mercure)
        .into_iter()
        .map(|(name, description)| query_parameter(&name, description, matcher_schema()))
        .collect();
    let last_event_id = json!({ "type": "string" });
    parameters.push(query_parameter(
        LAST_EVENT_ID_FIELD,
        "Begins after this update, or with all that are kept if it is `earliest`",
        last_event_id.clone(),
    ));
    parameters.push(json!({
        "name": "Last-Event-ID",
        "in": "header",
        "description": "Has precedence over the query",
        "schema": last_event_id,
    }));
    let update = openapi::event(
        json!({ "type": "string" }),
        json!({ "type": "string" }),
        &["data"],
    );
    let mut operation = Operation {
        parameters,
        ..Operation::new(id, "Subscribes to topics", openapi::event_stream(update))
    }
    .with_security(mercure.schemes())
    .with_refusals([StatusCode::SERVICE_UNAVAILABLE]);
    operation.is_anonymous = mercure.is_anonymous;
    if mercure.client_limits.is_limited() {
        operation.refusals.push(StatusCode::TOO_MANY_REQUESTS);
    }
    operation
}

/// Describes a subscription whose matchers may also be in the body.
pub(crate) fn describe_query(mercure: &Mercure) -> Operation {
    let mut properties: Map<_, _> = matchers(mercure)
        .into_iter()
        .map(|(name, _)| (name, matcher_schema()))
        .collect();
    properties.insert(LAST_EVENT_ID_FIELD.to_owned(), json!({ "type": "string" }));
    let form = json!({ "type": "object", "properties": properties });
    Operation {
        request: Some(json!({ FORM_TYPE: { "schema": form } })),
        ..describe(mercure, "mercureQuery")
    }
    .with_refusals([
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
    ])
}

/// Name of the parameter with the last event ID.
const LAST_EVENT_ID_FIELD: &str = "last_event_id";

/// Returns the names of the parameters with matchers, with their descriptions.
fn matchers(mercure: &Mercure) -> Vec<(String, &'static str)> {
    let named = |kind: MatcherType| match kind {
        MatcherType::UrlPattern => "URL patterns of topics",
        _ => "Topics",
    };
    let mut matchers: Vec<_> = MatcherType::ALL
        .into_iter()
        .map(|kind| (format!("match_{}", kind.name()), named(kind)))
        .collect();
    matchers.push(("match".to_owned(), named(MatcherType::default())));
    if mercure.matchers.compatibility().accepts_draft_7() {
        matchers.push((
            "topic".to_owned(),
            "Topics or URI templates, for earlier drafts",
        ));
    }
    matchers
}

/// Returns the schema of matchers. A request has at most 64 different ones, of all parameters together.
fn matcher_schema() -> Value {
    json!({ "type": "array", "items": { "type": "string" } })
}

/// Answers a request with the method `QUERY`.
pub(crate) async fn respond_to_query<B>(
    mercure: &Mercure,
    server: &Arc<Server>,
    request: Request<B>,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    if let Err(refusal) = check_form(&head.headers) {
        return refusal.into();
    }
    match publish::read(body, MAX_BODY_BYTES, &server.body_memory).await {
        Ok((body, _memory)) => respond(mercure, server, head, Some(body)).await,
        Err(refusal) => refusal.into(),
    }
}

/// Answers a request with an event stream.
pub(crate) async fn respond(
    mercure: &Mercure,
    server: &Arc<Server>,
    head: Parts,
    body: Option<Vec<u8>>,
) -> Response<Body> {
    let response = subscribe(mercure, server, head, body).await;
    response.unwrap_or_else(|denial| mercure.deny(denial))
}

async fn subscribe(
    mercure: &Mercure,
    server: &Arc<Server>,
    head: Parts,
    body: Option<Vec<u8>>,
) -> Result<Response<Body>, Denial> {
    let token = mercure.authorize(&head, Role::Subscriber)?;
    if token.is_none() && !mercure.is_anonymous {
        return Err(AuthorizationError::Missing.into());
    }
    let query = head.uri.query().unwrap_or_default();
    let parsed =
        SubscriptionRequest::parse(&mercure.matchers, &mercure.limits, query, body.as_deref());
    let wanted = parsed.map_err(Refusal::from)?;
    let address = head.extensions.get::<PeerAddress>().map(|peer| peer.0.ip());
    let counted = mercure.client_limits.count(address, token.as_ref())?;
    let presence = mercure.presence.as_ref();
    let documents = match presence {
        Some(_) => documents(mercure, &wanted, token.as_ref()),
        None => Vec::new(),
    };
    let matchers = wanted.matchers.iter().map(|matcher| matcher.as_str().len());
    let kept = documents.iter().map(SubscriptionDocument::text_bytes);
    let memory = mercure.stream_memory.take(matchers.chain(kept).sum())?;
    let filters = wanted.filters().map_err(Refusal::bad)?;
    let mut builder = server.subscription(filters);
    if let Some(token) = &token {
        let private = token.grants.subscribe_filters();
        if let Some(private) = private {
            builder = builder.private_topics(private);
        }
        if let Some(expires_at) = token.expires_at {
            builder = builder.end_at(deadline(expires_at).into());
        }
    }
    let last_event_id = last_event_id(&head, &wanted);
    if let Some(id) = &last_event_id {
        builder = builder.after_or_start(id);
    }
    let mut subscription = builder.subscribe().map_err(Refusal::from)?;
    let start = match &last_event_id {
        Some(_) => subscription.start().await,
        None => Start::Now,
    };
    let present = presence.map(|presence| presence.register(&server.hub, documents));
    if counted.is_some() || memory.is_some() || present.is_some() {
        subscription.hold(OpenStream {
            _counted: counted,
            _memory: memory,
            _present: present,
        });
    }
    let request = Request::from_parts(head, ());
    let mut response = subscribe::stream(server, &request, subscription);
    if let Some(id) = &last_event_id {
        let (headers, id) = (response.headers_mut(), response_id(start, id));
        if mercure.matchers.compatibility().accepts_draft_7() {
            headers.insert(LAST_EVENT_ID, id.clone());
        }
        headers.insert(MERCURE_LAST_EVENT_ID, id);
    }
    Ok(response)
}

/// Guards that a stream of a client keeps until it ends.
struct OpenStream {
    _counted: Option<CountedStream>,
    _memory: Option<OwnedSemaphorePermit>,
    _present: Option<PresentStream>,
}

/// Returns the last event ID of a request. An ID that is not valid is that of no event.
//
// > If both the `Last-Event-ID` HTTP header and the `last_event_id` query parameter are present, the HTTP header MUST
// > take precedence.
fn last_event_id(head: &Parts, wanted: &SubscriptionRequest) -> Option<EventId> {
    let unknown = || EventId::from_static(EARLIEST);
    let in_query = || {
        let id = wanted
            .last_event_id
            .as_deref()
            .filter(|id| !id.is_empty())?;
        Some(EventId::new(id).unwrap_or_else(|_| unknown()))
    };
    match sse_hyper::last_event_id(&head.headers) {
        Ok(Some(id)) => Some(id),
        Ok(None) => in_query(),
        Err(_) => Some(unknown()),
    }
}

// > The value of this response field MUST be the identifier of the event preceding the first event sent to the
// > subscriber, or the reserved value `earliest` if there is no preceding event.
fn response_id(start: Start, requested: &EventId) -> HeaderValue {
    let earliest = HeaderValue::from_static(EARLIEST);
    match start {
        Start::Resumed => {
            HeaderValue::from_bytes(requested.as_str().as_bytes()).unwrap_or(earliest)
        }
        _ => earliest,
    }
}

/// Returns the time at which a token expires.
//
// > the hub MUST close the connection no later than the token's `exp` time
fn deadline(expires_at: SystemTime) -> Instant {
    let left = expires_at
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    let now = Instant::now();
    // A century is more than any clock of this system needs.
    now.checked_add(left.min(MAX_TOKEN_TIME)).unwrap_or(now)
}

/// Maximum time until a stream ends because of its token.
const MAX_TOKEN_TIME: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Returns the documents about the subscriptions of a stream, with a new subscriber ID.
fn documents(
    mercure: &Mercure,
    wanted: &SubscriptionRequest,
    token: Option<&AccessToken>,
) -> Vec<SubscriptionDocument> {
    let subscriber = Uuid::new_v4().urn().to_string();
    let document = |matcher| {
        let payload = token.and_then(|token| token.grants.payload(matcher));
        SubscriptionDocument::new(mercure.hub_url(), matcher, &subscriber, payload)
    };
    wanted.matchers.iter().map(document).collect()
}
