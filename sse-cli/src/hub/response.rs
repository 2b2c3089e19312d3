//! Responses of the server.

use core::{convert::Infallible, fmt::Display, iter, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use headers::{Allow, ContentLength, ContentType, HeaderMapExt as _, RetryAfter};
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};

use crate::hub::publish::Reservation;

/// Body of a response: an event stream or a text.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Returns a response with a text.
pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(text.into()).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.typed_insert(ContentType::text_utf8());
    response
}

/// Returns `200 OK` with JSON.
pub(crate) fn json(json: String) -> Response<Body> {
    let mut response = text(StatusCode::OK, json + "\n");
    response.headers_mut().typed_insert(ContentType::json());
    response
}

/// Maximum size of a frame of a long response in bytes. hyper copies each frame into its buffer.
const MAX_FRAME_BYTES: usize = 16 * 1024;

/// Returns `200 OK` with JSON of any length. Its memory stays reserved until the client has read it.
pub(crate) fn long_json(json: String, memory: Reservation) -> Response<Body> {
    let length = json.len() as u64;
    let mut rest = memory.keep_with(json);
    let frames = iter::from_fn(move || {
        let length = rest.len().min(MAX_FRAME_BYTES);
        (length > 0).then(|| Ok(Frame::data(rest.split_to(length))))
    });
    let mut response = Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
    let headers = response.headers_mut();
    headers.typed_insert(ContentType::json());
    headers.typed_insert(ContentLength(length));
    response
}

/// Returns `200 OK` with metrics in the text format of Prometheus.
pub(crate) fn metrics(metrics: String) -> Response<Body> {
    let mut response = text(StatusCode::OK, metrics);
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Maximum length of a reason in bytes, because some reasons quote the request.
const MAX_REASON_BYTES: usize = 1024;

/// Status and reason of a request that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl Display) -> Self {
        let mut reason = reason.to_string();
        if reason.len() > MAX_REASON_BYTES {
            let is_boundary = |&end: &usize| reason.is_char_boundary(end);
            let end = (0..=MAX_REASON_BYTES).rev().find(is_boundary);
            reason.truncate(end.unwrap_or(0));
            reason.push('…');
        }
        Self { status, reason }
    }

    /// Creates a refusal with the status `400 Bad Request`.
    pub(crate) fn bad(reason: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// Creates a refusal with the status `413 Payload Too Large`.
    pub(crate) fn too_large(reason: impl Display) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
    }

    /// Adds a place, such as the number of a line, before the reason.
    pub(crate) fn at(self, place: impl Display) -> Self {
        Self {
            reason: format!("{place}: {}", self.reason),
            ..self
        }
    }
}

impl From<Refusal> for Response<Body> {
    fn from(refusal: Refusal) -> Self {
        let (status, reason) = (refusal.status.as_u16(), &refusal.reason);
        tracing::debug!(status, ?reason, "request refused");
        let mut response = text(refusal.status, refusal.reason + "\n");
        let headers = response.headers_mut();
        match refusal.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.typed_insert(RetryAfter::delay(Duration::from_secs(10)));
            }
            _ => {}
        }
        response
    }
}

/// Returns `405 Method Not Allowed` with the methods that are allowed.
pub(crate) fn method_not_allowed(allowed: &[Method]) -> Response<Body> {
    let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
    let reason = format!("allowed methods: {}\n", names.join(", "));
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, reason);
    let allow: Allow = allowed.iter().cloned().collect();
    response.headers_mut().typed_insert(allow);
    response
}
