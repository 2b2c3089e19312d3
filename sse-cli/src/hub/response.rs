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
    kind: RefusalKind,
}

/// Reason of a refusal as the metrics count it. It is an extension of the response.
//
// A request cannot create a value, so the metrics have a fixed size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// The request is malformed, or a value in it is not valid.
    BadRequest,
    /// The host is missing, malformed, or not served here.
    Host,
    /// The request has no token, or a malformed one.
    TokenMissing,
    /// The request has a token that is not the right one.
    TokenWrong,
    /// The client may not do this with any token.
    Forbidden,
    /// The path does not exist.
    NotFound,
    /// The path does not have the method.
    Method,
    /// The body did not arrive in time.
    Timeout,
    /// The body or the event is too large.
    TooLarge,
    /// The media type, the charset or the encoding of the body is not supported.
    MediaType,
    /// The number of subscribers has reached its limit.
    Full,
    /// The client has too many streams.
    TooMany,
    /// There is no memory for a long body, or for long matchers.
    Memory,
    /// The backend refuses an event, or is not connected.
    Backend,
    /// Any other reason.
    Other,
}

impl RefusalKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 15] = [
        Self::BadRequest,
        Self::Host,
        Self::TokenMissing,
        Self::TokenWrong,
        Self::Forbidden,
        Self::NotFound,
        Self::Method,
        Self::Timeout,
        Self::TooLarge,
        Self::MediaType,
        Self::Full,
        Self::TooMany,
        Self::Memory,
        Self::Backend,
        Self::Other,
    ];

    /// Returns the name in metrics and in the access log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Host => "host",
            Self::TokenMissing => "token_missing",
            Self::TokenWrong => "token_wrong",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::MediaType => "media_type",
            Self::Full => "full",
            Self::TooMany => "too_many",
            Self::Memory => "memory",
            Self::Backend => "backend",
            Self::Other => "other",
        }
    }

    /// Returns the kind of a refusal with this status, unless the refusal has another kind.
    fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::BadRequest,
            StatusCode::UNAUTHORIZED => Self::TokenWrong,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::Method,
            StatusCode::REQUEST_TIMEOUT => Self::Timeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::MediaType,
            StatusCode::MISDIRECTED_REQUEST => Self::Host,
            _ => Self::Other,
        }
    }
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
        Self {
            status,
            reason,
            kind: RefusalKind::from_status(status),
        }
    }

    /// Creates a refusal with the status `400 Bad Request`.
    pub(crate) fn bad(reason: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// Creates a refusal with the status `413 Payload Too Large`.
    pub(crate) fn too_large(reason: impl Display) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
    }

    /// Sets the kind. By default, the status decides.
    pub(crate) fn with_kind(self, kind: RefusalKind) -> Self {
        Self { kind, ..self }
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
        let mut response = error(refusal.status, refusal.reason);
        response.extensions_mut().insert(refusal.kind);
        response
    }
}

/// Returns a response with an error status, with the headers that clients expect with it.
pub(crate) fn error(status: StatusCode, reason: impl Into<String>) -> Response<Body> {
    let mut response = text(status, reason.into() + "\n");
    let headers = response.headers_mut();
    match status {
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

/// Returns `405 Method Not Allowed` with the methods that are allowed.
pub(crate) fn method_not_allowed(allowed: &[Method]) -> Response<Body> {
    let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
    let reason = format_args!("allowed methods: {}", names.join(", "));
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason);
    let mut response = Response::from(refusal);
    let allow: Allow = allowed.iter().cloned().collect();
    response.headers_mut().typed_insert(allow);
    response
}
