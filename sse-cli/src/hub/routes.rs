//! Routing of requests by their path.

use core::{convert::Infallible, error::Error};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use sse_hub::BackendErrorKind;
use tower::{Layer as _, ServiceExt as _, service_fn, util::option_layer};
use tracing::Instrument as _;

use crate::hub::{
    debugger, metrics,
    publish::publish,
    response::{self, Body, Refusal},
    server::Server,
    subscribe::subscribe,
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
    let known = PATHS.into_iter().find(|known| *known == path);
    let label = known.unwrap_or(match &server.mercure {
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

/// Paths of the server.
const PATHS: [&str; 5] = ["/events", "/publish", "/healthz", "/metrics", "/debug"];

/// Paths that the server has with each protocol, so a hub cannot have them.
pub(crate) const COMMON_PATHS: [&str; 3] = ["/healthz", "/metrics", "/debug"];

async fn route<B>(server: Arc<Server>, request: Request<B>) -> Result<Response<Body>, Infallible>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if let Err(refusal) = server.access.check_host(&request) {
        return Ok(refusal.into());
    }
    match (request.uri().path(), request.method()) {
        ("/healthz", &Method::GET | &Method::HEAD) => Ok(respond_to_healthz(&server)),
        ("/metrics", &Method::GET | &Method::HEAD) => Ok(respond_to_metrics(&server, &request)),
        ("/debug", _) if !server.debugger => Ok(not_found(&server)),
        ("/debug", &Method::GET | &Method::HEAD) => {
            Ok(debugger::respond(server.mercure.as_deref()))
        }
        ("/healthz" | "/metrics" | "/debug", _) => {
            Ok(response::method_not_allowed(&[Method::GET, Method::HEAD]))
        }
        ("/events", _) if server.cors.is_none() && server.mercure.is_none() => {
            Ok(respond_to_events(&server, &request))
        }
        (path, _) if serves_events(&server, path) => {
            let cors = server.cors.clone();
            let service = service_fn(|request: Request<B>| {
                let server = Arc::clone(&server);
                async move { Ok(respond_to_publication(&server, request).await) }
            });
            // Boxed, because each connection keeps room for the largest future of a response.
            Box::pin(option_layer(cors).layer(service).oneshot(request)).await
        }
        _ => Ok(not_found(&server)),
    }
}

/// Returns whether this is a path for publishers and subscribers.
fn serves_events(server: &Server, path: &str) -> bool {
    match &server.mercure {
        Some(mercure) => mercure.serves(path),
        None => matches!(path, "/events" | "/publish"),
    }
}

/// Answers a request of a publisher or a subscriber.
async fn respond_to_publication<B>(server: &Arc<Server>, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if let Some(mercure) = &server.mercure {
        return mercure.respond(server, request).await;
    }
    match request.uri().path() {
        "/events" => respond_to_events(server, &request),
        _ => respond_to_publish(server, request).await,
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
    match *request.method() {
        Method::GET | Method::HEAD => subscribe(server, request).unwrap_or_else(Response::from),
        _ => response::method_not_allowed(&[Method::GET, Method::HEAD]),
    }
}

async fn respond_to_publish<B>(server: &Server, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match *request.method() {
        Method::POST => publish(server, request)
            .await
            .unwrap_or_else(Response::from),
        _ => response::method_not_allowed(&[Method::POST]),
    }
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

fn respond_to_metrics<B>(server: &Server, request: &Request<B>) -> Response<Body> {
    match server.access.check_metrics(request) {
        Ok(()) => response::metrics(metrics::render(&server.metrics, &server.hub)),
        Err(refusal) => refusal.into(),
    }
}
