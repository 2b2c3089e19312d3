//! Subscription API: the active subscriptions as JSON.

use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, LINK},
    request::Parts,
};
use sse_hub::{Hub, Topic};
use sse_mercure::{AuthorizationError, EARLIEST, Role, SubscriptionDocument, SubscriptionScope};

use crate::hub::{
    mercure::{Mercure, authorize::Denial},
    response::{self, Body, Refusal},
    server::Server,
};

/// Answers a request for a path below the URL of the hub.
pub(crate) async fn respond(mercure: &Mercure, server: &Server, head: Parts) -> Response<Body> {
    let response = list(mercure, server, head).await;
    response.unwrap_or_else(|denial| mercure.deny(denial))
}

async fn list(mercure: &Mercure, server: &Server, head: Parts) -> Result<Response<Body>, Denial> {
    let not_found = || Refusal::new(StatusCode::NOT_FOUND, "not found");
    let path = head.uri.path();
    let presence = mercure.presence.as_ref().ok_or_else(not_found)?;
    let scope = SubscriptionScope::from_path(mercure.hub_url(), path).ok_or_else(not_found)?;
    let token = mercure.authorize(&head, Role::Subscriber)?;
    let token = token.ok_or(AuthorizationError::Missing)?;
    // > The topic to authorize is the requested URL in relative form: its absolute path
    let topic = Topic::opaque(path).map_err(Refusal::bad)?;
    if !token.grants.can_subscribe(&topic) {
        return Err(AuthorizationError::InsufficientScope.into());
    }
    // Before the documents: a client that subscribes after this event gets all later changes.
    let link = link(mercure, &server.hub);
    let documents = presence.select(&scope);
    #[cfg(feature = "nats")]
    let documents = match &mercure.nodes {
        Some(nodes) => [documents, nodes.select(path).await].concat(),
        None => documents,
    };
    let json = match (&scope, documents.first()) {
        (SubscriptionScope::One { .. }, None) => return Err(not_found().into()),
        (SubscriptionScope::One { .. }, Some(document)) => document.get().to_owned(),
        _ => SubscriptionDocument::collection(path, &documents),
    };
    let mut response = response::json(json);
    let headers = response.headers_mut();
    headers.insert(LINK, link);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("must-revalidate"));
    Ok(response)
}

/// Returns the link to the hub, with the ID of its latest update.
//
// > every endpoint MUST carry the reconciliation cursor as a `last-event-id` target attribute on the `rel="mercure"`
// > Link header
fn link(mercure: &Mercure, hub: &Hub) -> HeaderValue {
    let url = mercure.hub_url();
    let latest = hub.latest_id();
    let latest = latest.as_ref().map_or(EARLIEST, |id| id.as_str());
    let latest = latest.replace('\\', "\\\\").replace('"', "\\\"");
    let link = format!(
        "<{url}>; rel=\"mercure\"; last-event-id=\"{latest}\"; type=\"mercure\"; \
         content-type=\"application/json\""
    );
    // Texts of IDs have no control characters.
    HeaderValue::from_bytes(link.as_bytes()).unwrap_or(HeaderValue::from_static(""))
}
