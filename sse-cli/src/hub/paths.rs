//! Which path it is.

use core::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::hub::{
    answer::{self, Body, Refusal},
    events::events,
    incoming::Incoming,
    publish::publish,
    server::Server,
};

/// Answers a request.
pub(crate) async fn answer(
    server: Arc<Server>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if let Err(refusal) = server.access.check_host(request.headers()) {
        return Ok(refusal.into());
    }
    match (request.uri().path(), request.method()) {
        ("/events", _) => match server.cors.clone() {
            None => Ok(follow(&server, &request)),
            // In a box of its own, for a connection keeps room for the largest answer.
            Some(cors) => {
                let events = |request| {
                    let response = follow(&server, &request);
                    async { Ok(response) }
                };
                Box::pin(cors.layer(service_fn(events)).oneshot(request)).await
            }
        },
        ("/publish", &Method::POST) => {
            let answer = Box::pin(publish(&server, request)).await;
            Ok(answer.unwrap_or_else(Response::from))
        }
        ("/publish", _) => Ok(answer::only(&[Method::POST])),
        ("/healthz", &Method::GET | &Method::HEAD) => Ok(health(&server)),
        ("/metrics", &Method::GET | &Method::HEAD) => Ok(metrics(&server, &request)),
        ("/healthz" | "/metrics", _) => Ok(answer::only(&[Method::GET, Method::HEAD])),
        _ => Ok(answer::text(
            StatusCode::NOT_FOUND,
            "here are /events, /publish, /healthz and /metrics\n",
        )),
    }
}

fn follow(server: &Server, request: &Request<Incoming>) -> Response<Body> {
    match *request.method() {
        Method::GET | Method::HEAD => events(server, request).unwrap_or_else(Response::from),
        _ => answer::only(&[Method::GET, Method::HEAD]),
    }
}

fn health(server: &Server) -> Response<Body> {
    match server.hub.is_connected() {
        true => answer::text(StatusCode::OK, "ok\n"),
        false => {
            let reason = "the backend is not connected: nothing can be published, and events of \
                              other machines do not come";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).into()
        }
    }
}

/// For whoever may hear all events.
fn metrics(server: &Server, request: &Request<Incoming>) -> Response<Body> {
    match server.access.check_subscriber(request) {
        Ok(()) => answer::metrics(server.metrics.render()),
        Err(refusal) => refusal.into(),
    }
}
