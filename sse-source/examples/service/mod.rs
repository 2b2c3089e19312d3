//! Resources of the service: the service itself, and its streams.
//!
//! - `GET /` returns the capabilities, `POST /` opens a stream, `DELETE /` ends the service.
//! - `POST /streams/N` sends a command to a stream, `DELETE /streams/N` closes it.

mod callback;
mod parameters;
mod stream;

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use parameters::{Command, Parameters};
use stream::Stream;

/// Capabilities of the event source, with the names of the contract tests.
const CAPABILITIES: [&str; 10] = [
    "bom",
    "comments",
    "headers",
    "last-event-id",
    "post",
    "report",
    "read-timeout",
    "restart",
    // All event types are always delivered, so `listen` does nothing.
    "event-type-listeners",
    "server-directed-shutdown-request",
];

/// Maximum size of a request body in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Test service with its streams, by the path of their resource.
#[derive(Default)]
pub(crate) struct Service {
    streams: Mutex<HashMap<String, Stream>>,
    count: AtomicU64,
    end: Notify,
}

/// Response, or the status and the reason of a failure.
type Answer = Result<Response<String>, (StatusCode, String)>;

impl Service {
    pub(crate) async fn respond(&self, request: Request<Incoming>) -> Response<String> {
        let (head, body) = request.into_parts();
        let answer = match (head.method, head.uri.path()) {
            (Method::GET, "/") => Ok(status()),
            (Method::POST, "/") => self.create(body).await,
            (Method::DELETE, "/") => Ok(self.end()),
            (Method::POST, location) => self.command(location, body).await,
            (Method::DELETE, location) => self.close(location).await,
            (method, path) => Err((
                StatusCode::METHOD_NOT_ALLOWED,
                format!("{path} does not support {method}"),
            )),
        };
        answer.unwrap_or_else(|(status, reason)| respond(status, reason))
    }

    /// Waits until the service is asked to end.
    pub(crate) async fn ended(&self) {
        self.end.notified().await;
    }

    async fn create(&self, body: Incoming) -> Answer {
        let parameters: Parameters = read(body).await?;
        let stream = Stream::start(parameters).map_err(bad_request)?;
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let location = format!("/streams/{number}");
        let mut response = respond(StatusCode::CREATED, String::new());
        let header = location.clone().try_into().map_err(bad_request)?;
        response.headers_mut().insert(header::LOCATION, header);
        self.streams().insert(location, stream);
        Ok(response)
    }

    async fn command(&self, location: &str, body: Incoming) -> Answer {
        let command = read(body).await;
        let streams = self.streams();
        let stream = streams.get(location).ok_or_else(|| unknown(location))?;
        match command? {
            Command::Listen { .. } => {}
            Command::Restart => stream.restart(),
        }
        Ok(respond(StatusCode::ACCEPTED, String::new()))
    }

    async fn close(&self, location: &str) -> Answer {
        let stream = self.streams().remove(location);
        stream.ok_or_else(|| unknown(location))?.close().await;
        Ok(respond(StatusCode::NO_CONTENT, String::new()))
    }

    fn end(&self) -> Response<String> {
        self.end.notify_one();
        respond(StatusCode::NO_CONTENT, String::new())
    }

    fn streams(&self) -> impl std::ops::DerefMut<Target = HashMap<String, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn status() -> Response<String> {
    let status = serde_json::json!({ "name": "sse-source", "capabilities": CAPABILITIES });
    let mut response = respond(StatusCode::OK, status.to_string());
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, (StatusCode, String)> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    serde_json::from_slice(&body.map_err(bad_request)?.to_bytes()).map_err(bad_request)
}

fn respond(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn bad_request(reason: impl ToString) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, reason.to_string())
}

fn unknown(location: &str) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("{location} does not exist"))
}
