//! Which path it is.

use core::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;
use sse_hub::{Hub, Slow};
use sse_hyper::Streams;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;

use crate::hub::{
    access::Access,
    answer::{self, Body, Refusal},
    events::events,
    publish::publish,
};

/// What the answers are made from.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) streams: Streams,
    pub(crate) access: Access,
    /// Without it, pages of other origins cannot read the events.
    pub(crate) cors: Option<CorsLayer>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) max_event: usize,
    pub(crate) slow: Slow,
    pub(crate) max_lag: Option<u64>,
}

impl Server {
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        if let Err(refusal) = self.access.check_host(request.headers()) {
            return Ok(refusal.into());
        }
        match (request.uri().path(), request.method()) {
            ("/events", _) => match self.cors.clone() {
                None => Ok(self.events(&request)),
                // In a box of its own, for a connection keeps room for the largest answer.
                Some(cors) => {
                    let events = |request| {
                        let response = self.events(&request);
                        async { Ok(response) }
                    };
                    Box::pin(cors.layer(service_fn(events)).oneshot(request)).await
                }
            },
            ("/publish", &Method::POST) => {
                let answer = Box::pin(publish(&self, request)).await;
                Ok(answer.unwrap_or_else(Response::from))
            }
            ("/publish", _) => Ok(answer::only(&[Method::POST])),
            ("/healthz", &Method::GET | &Method::HEAD) => Ok(self.health()),
            ("/metrics", &Method::GET | &Method::HEAD) => Ok(self.metrics(&request)),
            ("/healthz" | "/metrics", _) => Ok(answer::only(&[Method::GET, Method::HEAD])),
            _ => Ok(answer::text(
                StatusCode::NOT_FOUND,
                "here are /events, /publish, /healthz and /metrics\n",
            )),
        }
    }

    fn events(&self, request: &Request<Incoming>) -> Response<Body> {
        match *request.method() {
            Method::GET | Method::HEAD => events(self, request).unwrap_or_else(Response::from),
            _ => answer::only(&[Method::GET, Method::HEAD]),
        }
    }

    fn health(&self) -> Response<Body> {
        match self.hub.is_connected() {
            true => answer::text(StatusCode::OK, "ok\n"),
            false => {
                let reason = "the backend is not connected: nothing can be published, and events of \
                              other machines do not come";
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).into()
            }
        }
    }

    /// For whoever may hear all events.
    fn metrics(&self, request: &Request<Incoming>) -> Response<Body> {
        match self.access.check_subscriber(request) {
            Ok(()) => answer::metrics(self.metrics.render()),
            Err(refusal) => refusal.into(),
        }
    }
}
