//! Subscription API: the active subscriptions as JSON.

use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, LINK},
    request::Parts,
};
use serde_json::{Value, json};
use sse_hub::{Hub, Topic};
use sse_mercure::{AuthorizationError, EARLIEST, Role, SubscriptionDocument, SubscriptionScope};

use crate::hub::{
    mercure::{Mercure, authorize::Denial},
    openapi::{self, Operation, PathItem},
    response::{self, Body, Refusal},
    server::Server,
};

/// Describes the paths of the subscription API for `/openapi.json`.
pub(crate) fn describe(mercure: &Mercure) -> [PathItem; 3] {
    let document = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string" },
            "type": { "const": "subscription" },
            "match_type": { "type": "string" },
            "match": { "type": "string" },
            "subscriber": { "type": "string" },
            "active": { "type": "boolean" },
            "payload": { "description": "Payload of the client's access token" },
        },
        "required": ["id", "type", "match_type", "match", "subscriber", "active"],
    });
    let collection = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string" },
            "type": { "const": "subscriptions" },
            "subscriptions": { "type": "array", "items": document },
        },
        "required": ["id", "type", "subscriptions"],
    });
    let operation = |id, summary, schema: &Value, variables: &[&str]| {
        let parameter = |name: &&str| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } });
        let response =
            openapi::response("Active subscriptions", "application/json", schema.clone());
        Operation {
            parameters: variables.iter().map(parameter).collect(),
            ..Operation::new(id, summary, response)
        }
        .with_security(mercure.schemes())
        .with_refusals([StatusCode::FORBIDDEN, StatusCode::NOT_FOUND])
    };
    let root = format!("{}/subscriptions", mercure.path());
    let matcher = format!("{root}/{{match_type}}/{{match}}");
    let one = format!("{matcher}/{{subscriber}}");
    let (of_matcher, of_one) = (
        ["match_type", "match"],
        ["match_type", "match", "subscriber"],
    );
    [
        PathItem::get(root, || {
            operation(
                "mercureSubscriptions",
                "Lists all subscriptions",
                &collection,
                &[],
            )
        }),
        PathItem::get(matcher, || {
            let summary = "Lists the subscriptions with a matcher";
            operation(
                "mercureSubscriptionsOfMatcher",
                summary,
                &collection,
                &of_matcher,
            )
        }),
        PathItem::get(one, || {
            operation(
                "mercureSubscription",
                "Returns a subscription",
                &document,
                &of_one,
            )
        }),
    ]
}

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
