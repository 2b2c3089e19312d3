//! Who asks for what.

use std::{convert::Infallible, io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CACHE_CONTROL, HeaderValue},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use sse_hyper::Event;
use tokio::net::TcpListener;
use tower::ServiceExt;
use tower_http::services::ServeDir;

use crate::log::EventLog;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The demo server.
#[derive(Clone, Debug)]
pub struct Demo {
    log: Arc<EventLog>,
    page: ServeDir,
}

impl Demo {
    /// Serves the events of this log, and the files of this folder.
    pub fn new(log: Arc<EventLog>, page: PathBuf) -> Self {
        let page = ServeDir::new(page);
        Self { log, page }
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
            "/events" => match last_event_id(&request) {
                Ok(seen) => stream_of(&request, self.log.subscribe(seen)),
                Err(reason) => bad_request(reason),
            },
            "/handler" => stream_of(&request, server_time()),
            _ => self.file(request).await,
        })
    }

    async fn file(self, request: Request<Incoming>) -> Response<Body> {
        let Ok(mut response) = self.page.oneshot(request).await;
        // Built anew as often as not: ask each time whether it is still the same.
        let no_cache = HeaderValue::from_static("no-cache");
        response.headers_mut().insert(CACHE_CONTROL, no_cache);
        response.map(BodyExt::boxed_unsync)
    }
}

fn stream_of<S>(request: &Request<Incoming>, events: S) -> Response<Body>
where
    S: Stream<Item = Event> + Send + 'static,
{
    let response = sse_hyper::response(request, events);
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

/// The number of the last event that the client has seen: from the header, which browsers send when
/// they reconnect, or from the query, for a page that had to make a new `EventSource`.
fn last_event_id(request: &Request<Incoming>) -> Result<Option<u64>, String> {
    let header = sse_hyper::last_event_id(request.headers()).map_err(|error| error.to_string())?;
    let query = request.uri().query().unwrap_or_default();
    let in_query = || {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find_map(|(name, value)| (name == "lastEventId").then(|| value.into_owned()))
    };
    let given = header.map(|id| id.to_string()).or_else(in_query);
    #[expect(clippy::disallowed_methods, reason = "a sign does no harm here")]
    let number = |text: String| {
        text.parse()
            .map_err(|error| format!("last event ID {text:?} is not one of ours: {error}\n"))
    };
    given
        .filter(|text| !text.is_empty())
        .map(number)
        .transpose()
}

fn bad_request(reason: String) -> Response<Body> {
    let body = http_body_util::Full::from(reason).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
