//! Routing of requests by their path.

use core::{convert::Infallible, error::Error};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use sse_hub::BackendErrorKind;
use tower::{Layer as _, ServiceExt as _, service_fn, util::option_layer};
use tracing::Instrument as _;

use crate::hub::{
    debugger, metrics,
    openapi::{self, Operation, PathItem},
    publish,
    response::{self, Body, Refusal},
    server::Server,
    subscribe,
};

/// Answers a request, and counts it.
pub(crate) async fn respond<B>(
    server: Arc<Server>,
    request: Request<B>,
) -> Result<Response<Body>, Infallible>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let path = request.uri().path();
    let mut known = Route::ALL.into_iter().map(Route::path);
    let label = known.find(|known| *known == path);
    let label = label.unwrap_or(match &server.mercure {
        Some(mercure) if mercure.serves(path) => "mercure",
        _ => "other",
    });
    // The span has the path alone, because the query may have a token.
    let record = server.access_log.as_ref().map(|log| log.start(&request));
    let span = tracing::debug_span!("request", method = %request.method(), ?path);
    let response = route(server, request).instrument(span.clone()).await?;
    let refusal = response.extensions().get().copied();
    metrics::count_request(label, response.status(), refusal);
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    Ok(match record {
        Some(record) => record.finish(response),
        None => response,
    })
}

/// Route of the server, except those of the Mercure protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Events,
    Publish,
    Healthz,
    Metrics,
    OpenApi,
    Debug,
}

/// Paths that the server has with each protocol, so a hub cannot have them.
pub(crate) const COMMON_PATHS: [&str; 4] = [
    Route::Healthz.path(),
    Route::Metrics.path(),
    Route::OpenApi.path(),
    Route::Debug.path(),
];

impl Route {
    pub(crate) const ALL: [Self; 6] = [
        Self::Events,
        Self::Publish,
        Self::Healthz,
        Self::Metrics,
        Self::OpenApi,
        Self::Debug,
    ];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Events => "/events",
            Self::Publish => "/publish",
            Self::Healthz => "/healthz",
            Self::Metrics => "/metrics",
            Self::OpenApi => "/openapi.json",
            Self::Debug => "/debug",
        }
    }

    fn methods(self) -> &'static [Method] {
        match self {
            Self::Publish => &[Method::POST],
            _ => &[Method::GET, Method::HEAD],
        }
    }

    /// Returns whether this server has the route.
    pub(crate) fn is_served(self, server: &Server) -> bool {
        match self {
            Self::Events | Self::Publish => server.mercure.is_none(),
            Self::Healthz | Self::Metrics => true,
            Self::OpenApi => server.openapi.is_some(),
            Self::Debug => server.debugger,
        }
    }

    /// Returns the description of the route for `/openapi.json`.
    pub(crate) fn describe(self, server: &Server) -> PathItem {
        let operation = || match self {
            Self::Events => subscribe::describe(server),
            Self::Publish => publish::describe(server),
            Self::Healthz => describe_healthz(),
            Self::Metrics => describe_metrics(server),
            Self::OpenApi => describe_openapi(),
            Self::Debug => debugger::describe(),
        };
        let methods = self.methods().iter();
        PathItem {
            path: self.path().to_owned(),
            operations: methods
                .map(|method| (method.clone(), operation()))
                .collect(),
        }
    }

    /// Returns the route that this server has at the path.
    fn find(server: &Server, path: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|route| route.path() == path && route.is_served(server))
    }
}

async fn route<B>(server: Arc<Server>, request: Request<B>) -> Result<Response<Body>, Infallible>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if let Err(refusal) = server.access.check_host(&request) {
        return Ok(refusal.into());
    }
    let path = request.uri().path();
    let is_mercure = || (server.mercure.as_ref()).is_some_and(|mercure| mercure.serves(path));
    match Route::find(&server, path) {
        None if !is_mercure() => Ok(not_found(&server)),
        Some(Route::Events) if server.cors.is_none() => Ok(respond_to_events(&server, &request)),
        route @ (None | Some(Route::Events | Route::Publish)) => {
            let cors = server.cors.clone();
            let service = service_fn(|request: Request<B>| {
                let server = Arc::clone(&server);
                async move { Ok(respond_to_publication(route, &server, request).await) }
            });
            // Boxed, because each connection keeps room for the largest future of a response.
            Box::pin(option_layer(cors).layer(service).oneshot(request)).await
        }
        Some(route) if !route.methods().contains(request.method()) => {
            Ok(response::method_not_allowed(route.methods()))
        }
        Some(Route::Healthz) => Ok(respond_to_healthz(&server)),
        Some(Route::Metrics) => Ok(respond_to_metrics(&server, &request)),
        Some(Route::OpenApi) => Ok(respond_to_openapi(&server)),
        Some(Route::Debug) => Ok(debugger::respond(server.mercure.as_deref())),
    }
}

/// Answers a request of a publisher or a subscriber. Without a route, it is for the Mercure protocol.
async fn respond_to_publication<B>(
    route: Option<Route>,
    server: &Arc<Server>,
    request: Request<B>,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match (route, &server.mercure) {
        (None, Some(mercure)) => mercure.respond(server, request).await,
        (Some(Route::Publish), _) => respond_to_publish(server, request).await,
        _ => respond_to_events(server, &request),
    }
}

fn not_found(server: &Server) -> Response<Body> {
    let paths = match &server.mercure {
        Some(mercure) => mercure.path(),
        None => "/events, /publish",
    };
    let reason = format_args!("not found; the paths are {paths}, /healthz and /metrics");
    Refusal::new(StatusCode::NOT_FOUND, reason).into()
}

fn respond_to_events<B>(server: &Server, request: &Request<B>) -> Response<Body> {
    let methods = Route::Events.methods();
    if !methods.contains(request.method()) {
        return response::method_not_allowed(methods);
    }
    subscribe::subscribe(server, request).unwrap_or_else(Response::from)
}

async fn respond_to_publish<B>(server: &Server, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let methods = Route::Publish.methods();
    if !methods.contains(request.method()) {
        return response::method_not_allowed(methods);
    }
    let response = publish::publish(server, request).await;
    response.unwrap_or_else(Response::from)
}

fn describe_healthz() -> Operation {
    let text = openapi::response("The hub works", "text/plain", json!({ "type": "string" }));
    Operation::new("health", "Returns the state of the hub", text)
        .with_refusals([StatusCode::SERVICE_UNAVAILABLE])
}

fn respond_to_healthz(server: &Server) -> Response<Body> {
    // The details are only in the log: they contain addresses, and this path is open to every client.
    let Some(disconnection) = server.hub.disconnection() else {
        let text = match server.hub.replay_failure() {
            None => "ok\n",
            Some(_) => {
                "ok, but the backend refuses replays: subscribers that reconnect get a reset\n"
            }
        };
        return response::text(StatusCode::OK, text);
    };
    let reason = match disconnection.kind() {
        BackendErrorKind::Refused => {
            "the backend refuses to serve this hub until its permissions or limits are changed: \
             events of other machines do not arrive"
        }
        _ => {
            "the backend is not connected: nothing can be published, and events of other machines \
             do not arrive"
        }
    };
    // The request is not refused: this is the state of the backend.
    response::error(StatusCode::SERVICE_UNAVAILABLE, reason)
}

fn describe_metrics(server: &Server) -> Operation {
    let text = openapi::response(
        "The metrics in the text format of Prometheus",
        "text/plain",
        json!({ "type": "string" }),
    );
    let operation = Operation::new("metrics", "Returns the metrics of the hub", text)
        .with_security(server.access.metrics_scheme().map(|(name, _)| name));
    match server.access.metrics {
        Some(_) => operation,
        None => operation.with_refusals([StatusCode::FORBIDDEN]),
    }
}

fn respond_to_metrics<B>(server: &Server, request: &Request<B>) -> Response<Body> {
    match server.access.check_metrics(request) {
        Ok(()) => response::metrics(metrics::render(&server.metrics, &server.hub)),
        Err(refusal) => refusal.into(),
    }
}

fn respond_to_openapi(server: &Server) -> Response<Body> {
    match &server.openapi {
        Some(document) => {
            let document = document.get_or_init(|| openapi::document(server));
            response::json(document.clone())
        }
        None => not_found(server),
    }
}

fn describe_openapi() -> Operation {
    let document = openapi::response(
        "This document",
        "application/json",
        json!({ "type": "object", "required": ["openapi", "paths"] }),
    );
    Operation::new("openapi", "Returns the description of all routes", document)
}
