//! Who asks for what.

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
use sse_hyper::{Event, EventBody};
use tokio::net::TcpListener;
use tower::ServiceExt;
use tower_http::services::ServeDir;

use crate::{
    control::control,
    fan_out::FanOut,
    faults::{ClientId, Faults},
    log::EventLog,
    query::{last_event_id, parameter},
};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The demo server.
#[derive(Clone, Debug)]
pub struct Demo {
    fan_out: FanOut,
    faults: Arc<Faults>,
    page: ServeDir,
}

impl Demo {
    /// Serves the events of this log, and the files of this folder.
    pub fn new(log: Arc<EventLog>, page: PathBuf) -> Self {
        Self {
            fan_out: FanOut::new(log),
            faults: Arc::new(Faults::new()),
            page: ServeDir::new(page),
        }
    }

    /// Serves whoever connects.
    ///
    /// # Errors
    ///
    /// If the listener fails.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        loop {
            let (connection, _) = listener.accept().await?;
            connection.set_nodelay(true)?;
            let demo = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| demo.clone().respond(request));
                // A client that leaves in the middle is no news.
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
            },
            "/handler" => boxed(sse_hyper::response(&request, server_time())),
            "/break" => match control(&request, &self.faults) {
                Ok(said) => text(StatusCode::OK, said),
                Err((status, reason)) => text(status, reason),
            },
            _ => self.file(request).await,
        })
    }

    fn events(&self, request: &Request<Incoming>) -> Response<Body> {
        match last_event_id(request) {
            Ok(seen) => boxed(
                self.fan_out
                    .streams
                    .respond(request, self.fan_out.events(seen)),
            ),
            Err(error) => text(StatusCode::BAD_REQUEST, error),
        }
    }

    /// The same for a page that says who it is: with the counters, and with the faults it asks for.
    fn events_of_page(&self, request: &Request<Incoming>, client: &str) -> Response<Body> {
        let Some(client) = ClientId::new(client) else {
            return text(StatusCode::BAD_REQUEST, "client: 1 to 64 bytes");
        };
        if let Some((status, time)) = self.faults.refusal(&client) {
            return refused(status, time);
        }
        match last_event_id(request) {
            Ok(seen) => {
                let events = self.fan_out.events_and_counters(seen).boxed();
                let response = self.fan_out.streams.respond(request, events);
                response.map(|body| {
                    let body = body.map_err(|never| -> io::Error { match never {} });
                    StreamBody::new(self.faults.afflict(client, body)).boxed_unsync()
                })
            }
            Err(error) => text(StatusCode::BAD_REQUEST, error),
        }
    }

    async fn file(self, request: Request<Incoming>) -> Response<Body> {
        let Ok(mut response) = self.page.oneshot(request).await;
        // Built anew as often as not: ask each time whether it is still the same.
        let no_cache = HeaderValue::from_static("no-cache");
        response.headers_mut().insert(CACHE_CONTROL, no_cache);
        response.map(BodyExt::boxed_unsync)
    }
}
fn boxed<S>(response: Response<EventBody<S>>) -> Response<Body>
where
    S: Stream<Item = Event> + Send + 'static,
{
    response.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

/// The classic example: `data: The server time is: …`, each second.
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

/// As a server does that is not there for a while, or that wants no clients.
fn refused(status: StatusCode, time: Duration) -> Response<Body> {
    if status == StatusCode::NO_CONTENT {
        return boxed(sse_hyper::no_content::<Empty<Event>>());
    }
    let mut response = text(status, "broken, as you asked for");
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
