//! `sse hub --mercure`: the endpoints of the Mercure protocol.
//!
//! # Map
//!
//! ```text
//!   options.rs ── issuers.rs   trusted issuers and their keys; jwk_sets.rs: keys from URLs
//!       │
//!   Mercure (here)   state; routes below the URL of the hub
//!       ├─ subscribe.rs   GET and QUERY: an event stream
//!       ├─ publish.rs     POST: an update
//!       ├─ subscriptions.rs  the subscription API; presence.rs: active subscriptions and the updates about them;
//!       │                    nodes.rs: those of other nodes
//!       └─ authorize.rs   the access token of a request; client_limits.rs: streams of each client;
//!                         stream_memory.rs: memory of their matchers
//! ```

mod authorize;
mod client_limits;
mod issuers;
mod jwk_sets;
#[cfg(feature = "nats")]
mod nodes;
mod options;
mod presence;
mod publish;
mod stream_memory;
mod subscribe;
mod subscriptions;

use core::{error::Error, iter, time::Duration};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response};
use serde_json::{Value, json};
use sse_mercure::{HubUrl, Limits, Matchers, ResourceMetadata, TokenValidator};

use crate::hub::{
    cors::OriginPattern,
    debugger::Description,
    openapi::{self, Operation, PathItem},
    response::{self, Body},
    server::Server,
};

pub(crate) use options::MercureOptions;

use client_limits::ClientLimits;
use presence::Presence;
use stream_memory::StreamMemory;

/// Header of a response with the ID of the event before the first one that is sent.
pub(crate) const MERCURE_LAST_EVENT_ID: HeaderName =
    HeaderName::from_static("mercure-last-event-id");

/// Name of the same header in drafts up to 7.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Maximum reconnection time of an update. A longer one is reduced, because clients would stay away.
const MAX_RETRY: Duration = Duration::from_secs(3600);

/// Names of the security schemes in `/openapi.json`.
const TOKEN_SCHEME: &str = "accessToken";
const COOKIE_SCHEME: &str = "accessTokenInCookie";
const QUERY_SCHEME: &str = "accessTokenInUrl";

/// State of the protocol that all requests share.
pub(crate) struct Mercure {
    matchers: Matchers,
    limits: Limits,
    validator: TokenValidator,
    /// Reads the keys of an issuer again.
    jwk_sets: jwk_sets::Refresher,
    /// Name of the cookie with the access token.
    cookie: String,
    /// Clients without a token may subscribe.
    is_anonymous: bool,
    /// Origins of pages that may publish with the cookie.
    publish_origins: Vec<OriginPattern>,
    client_limits: ClientLimits,
    stream_memory: StreamMemory,
    /// Active subscriptions. `None` if the feature is off.
    presence: Option<Presence>,
    /// The other nodes, which have subscriptions, too.
    #[cfg(feature = "nats")]
    nodes: Option<nodes::Nodes>,
    metadata_path: String,
    metadata_url: String,
    metadata: ResourceMetadata,
}

impl Mercure {
    fn hub_url(&self) -> &HubUrl {
        self.matchers.hub_url()
    }

    /// Asks other nodes for their active subscriptions, too. Must be called on the runtime.
    #[cfg(feature = "nats")]
    pub(crate) fn join(&mut self, events: &sse_hub_nats::JetStream) {
        self.nodes = self.presence.as_ref().map(|presence| {
            let peers = events.peers("subscriptions");
            nodes::Nodes::join(peers, presence.clone(), self.hub_url().clone())
        });
    }

    /// Returns the path of the hub.
    pub(crate) fn path(&self) -> &str {
        self.hub_url().path()
    }

    /// Returns what the debugger page has to know.
    pub(crate) fn description(&self) -> Description<'_> {
        let optional = [
            ("subscriptions", self.presence.is_some()),
            (
                "compatibility",
                self.matchers.compatibility().accepts_draft_7(),
            ),
        ];
        let served = optional.into_iter().filter(|(_, is_served)| *is_served);
        Description {
            features: iter::once("mercure")
                .chain(served.map(|(name, _)| name))
                .collect(),
            url: Some(self.hub_url().as_str()),
            cookie: Some(&self.cookie),
        }
    }

    /// Returns the descriptions of the paths of the protocol for `/openapi.json`.
    pub(crate) fn describe(&self) -> Vec<PathItem> {
        let path = self.path();
        let mut items = vec![
            PathItem {
                path: path.to_owned(),
                operations: vec![
                    (Method::GET, subscribe::describe(self, "mercureSubscribe")),
                    (Method::HEAD, subscribe::describe(self, "mercureSubscribe")),
                    (Method::QUERY, subscribe::describe_query(self)),
                    (Method::POST, publish::describe(self)),
                ],
            },
            PathItem::get(self.metadata_path.clone(), describe_metadata),
        ];
        if self.presence.is_some() {
            items.extend(subscriptions::describe(self));
        }
        items
    }

    /// Returns the security schemes of the protocol for `/openapi.json`, with their names.
    pub(crate) fn security_schemes(&self) -> Vec<(&'static str, Value)> {
        let token = openapi::bearer("Access token of an issuer that the hub trusts");
        let cookie = json!({ "type": "apiKey", "in": "cookie", "name": self.cookie });
        let mut schemes = vec![(TOKEN_SCHEME, token), (COOKIE_SCHEME, cookie)];
        if self.matchers.compatibility().accepts_draft_7() {
            let in_query = json!({ "type": "apiKey", "in": "query", "name": "authorization" });
            schemes.push((QUERY_SCHEME, in_query));
        }
        schemes
    }

    /// Returns the names of the security schemes.
    fn schemes(&self) -> impl Iterator<Item = &'static str> {
        let schemes = self.security_schemes().into_iter();
        schemes.map(|(name, _)| name)
    }

    /// Returns whether the path is one of the protocol.
    pub(crate) fn serves(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.hub_url().path());
        let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_below || path == self.metadata_path
    }

    /// Answers a request for a path of the protocol.
    pub(crate) async fn respond<B>(
        &self,
        server: &Arc<Server>,
        request: Request<B>,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = request.uri().path();
        let is_hub = path == self.hub_url().path();
        match request.method() {
            &Method::GET | &Method::HEAD if is_hub => {
                let (head, _) = request.into_parts();
                subscribe::respond(self, server, head, None).await
            }
            // RFC 10008
            &Method::QUERY if is_hub => subscribe::respond_to_query(self, server, request).await,
            &Method::POST if is_hub => publish::respond(self, server, request).await,
            _ if is_hub => response::method_not_allowed(&[
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::QUERY,
            ]),
            &Method::GET | &Method::HEAD if path == self.metadata_path => {
                response::json(self.metadata.to_json())
            }
            &Method::GET | &Method::HEAD => {
                let (head, _) = request.into_parts();
                subscriptions::respond(self, server, head).await
            }
            _ => response::method_not_allowed(&[Method::GET, Method::HEAD]),
        }
    }
}

fn describe_metadata() -> Operation {
    let metadata = openapi::response(
        "The metadata of RFC 9728",
        "application/json",
        json!({
            "type": "object",
            "properties": { "resource": { "type": "string" } },
            "required": ["resource"],
        }),
    );
    Operation::new(
        "mercureMetadata",
        "Returns what clients need to get access tokens",
        metadata,
    )
}
