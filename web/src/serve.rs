//! The HTTP server of the demo.

use std::{convert::Infallible, fmt::Display, io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, Empty},
};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use sse_hub::{Hub, Subscription};
use sse_hyper::{Event, EventBody, EventStream, StreamTracker};
use tokio::{net::TcpListener, time::sleep};
use tower::ServiceExt;
use tower_http::services::ServeDir;

use crate::{
    control::control,
    counters::with_counters,
    faults::{ClientId, Faults},
    node::Node,
    query::{filters, last_event_id, parameter},
};

/// Number of past events that a client without a last event ID gets at once, so that its page is not empty.
const INITIAL_EVENTS: usize = 48;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The status and the body of a response to a client that does not get the events.
type Refusal = (StatusCode, String);

/// The demo server.
#[derive(Clone, Debug)]
pub struct Demo {
    hub: Hub,
    node: Option<Node>,
    streams: StreamTracker,
    faults: Arc<Faults>,
    page: ServeDir,
}

impl Demo {
    /// Creates a server for the events of this hub and the files of this folder.
    pub fn new(hub: Hub, page: PathBuf) -> Self {
        Self {
            hub,
            node: None,
            streams: StreamTracker::default(),
            faults: Arc::new(Faults::new()),
            page: ServeDir::new(page),
        }
    }

    /// Marks this server as one of several nodes, which the page shows.
    #[must_use]
    pub fn as_node(mut self, node: Node) -> Self {
        self.node = Some(node);
        self
    }

    /// Accepts and serves connections forever.
    pub async fn serve(self, listener: TcpListener) -> Infallible {
        loop {
            let Ok((connection, _)) = listener.accept().await else {
                // For example, too many files are open. Some of them will be closed soon.
                sleep(Duration::from_millis(100)).await;
                continue;
            };
            if connection.set_nodelay(true).is_err() {
                // The client has already disconnected.
                continue;
            }
            let demo = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| demo.clone().respond(request));
                // A client may disconnect at any time, so an error is not reported.
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(connection), service)
                    .await;
            });
        }
    }

    async fn respond(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        Ok(match request.uri().path() {
            "/events" => match parameter(&request, "client") {
                None => self.events(&request),
                Some(client) => self.events_of_page(&request, &client),
            }
            .unwrap_or_else(|(status, reason)| text(status, reason)),
            "/handler" => boxed(sse_hyper::respond(&request, server_time())),
            "/break" => match control(&request, &self.faults) {
                Ok(message) => text(StatusCode::OK, message),
                Err((status, reason)) => text(status, reason),
            },
            _ => self.file(request).await,
        })
    }

    /// Responds with the events.
    fn events(&self, request: &Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let events = self.subscribe(request)?;
        Ok(boxed(self.streams.respond(request, events)))
    }

    /// Responds to a page that sends its client ID: with the events, the counters, and the faults that it requests.
    fn events_of_page(
        &self,
        request: &Request<Incoming>,
        client: &str,
    ) -> Result<Response<Body>, Refusal> {
        let client = ClientId::new(client).ok_or_else(|| bad_request("client: 1 to 64 bytes"))?;
        if let Some((status, time)) = self.faults.refusal(&client) {
            return Ok(refusal(status, time));
        }
        let events = with_counters(self.subscribe(request)?, self.hub.clone(), self.node).boxed();
        let response = self.streams.respond(request, events);
        Ok(response.map(|body| {
            let body = body.map_err(|never| -> io::Error { match never {} });
            StreamBody::new(self.faults.inject_into(client, body)).boxed_unsync()
        }))
    }

    fn subscribe(&self, request: &Request<Incoming>) -> Result<Subscription, Refusal> {
        let after = last_event_id(request).map_err(bad_request)?;
        let filters = filters(request).map_err(bad_request)?;
        let builder = self.hub.subscription(filters).replay_last(INITIAL_EVENTS);
        let subscription = builder.after(after.as_ref()).subscribe();
        subscription.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
    }

    async fn file(self, request: Request<Incoming>) -> Response<Body> {
        let Ok(mut response) = self.page.oneshot(request).await;
        // The page is rebuilt often, so the browser must revalidate each file.
        let no_cache = HeaderValue::from_static("no-cache");
        response.headers_mut().insert(CACHE_CONTROL, no_cache);
        response.map(BodyExt::boxed_unsync)
    }
}

fn bad_request(reason: impl Display) -> Refusal {
    (StatusCode::BAD_REQUEST, reason.to_string())
}

fn boxed<S>(response: Response<EventBody<S>>) -> Response<Body>
where
    S: EventStream + Send + 'static,
{
    response.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

/// Returns the classic example: a stream with `data: The server time is: …`, each second.
fn server_time() -> impl Stream<Item = Event> + Send + 'static {
    let seconds = tokio::time::interval(Duration::from_secs(1));
    stream::unfold(seconds, |mut seconds| async {
        let _ = seconds.tick().await;
        Some((std::time::SystemTime::now(), seconds))
    })
    .map(|now| {
        Event::new(format!(
            "The server time is: {}",
            httpdate::fmt_http_date(now)
        ))
    })
}

/// Responds like a server that is unavailable for a while, or with 204 like a server that asks clients to stop.
fn refusal(status: StatusCode, time: Duration) -> Response<Body> {
    if status == StatusCode::NO_CONTENT {
        return boxed(sse_hyper::no_content::<Empty<Event>>());
    }
    let mut response = text(status, "unavailable because the page requested it");
    let seconds = HeaderValue::from(time.as_secs() + 1);
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}

fn text(status: StatusCode, text: impl Display) -> Response<Body> {
    let body = Full::from(format!("{text}\n")).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let post = HeaderValue::from_static("POST");
        response.headers_mut().insert(ALLOW, post);
    }
    response
}
