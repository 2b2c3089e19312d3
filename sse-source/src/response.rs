//! Responses: whether one is an event stream, and the body of one that is not.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::{future::Future, time::SystemTime};

use bytes::BytesMut;
use http::{
    Extensions, HeaderMap, HeaderValue, Response, StatusCode, Uri,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
    response::Parts,
};
use http_body::Body as _;
use sse_proto::client::{is_event_stream, retry_after_seconds};
use tokio::time::Sleep;

use crate::{error::UnexpectedResponse, transport::Body, turn::Turn};

/// Returns whether the response is an event stream if `Content-Type` may be missing, and each success status with
/// content is accepted.
pub(crate) fn is_stream_leniently(response: &Response<Body>) -> bool {
    let (status, headers) = (response.status(), response.headers());
    let has_content = status.is_success()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::RESET_CONTENT;
    let has_type = match content_type(headers) {
        Some(types) => is_event_stream(&types),
        None => !headers.contains_key(CONTENT_TYPE) && content_encoding(headers).is_none(),
    };
    has_content && has_type
}

/// Returns the values of `Content-Type`, or `None` if the header is missing or the body is still encoded.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<Vec<u8>> {
    let types = headers.get_all(CONTENT_TYPE).iter();
    let types: Vec<_> = types.map(HeaderValue::as_bytes).collect();
    let is_readable = !types.is_empty() && content_encoding(headers).is_none();
    is_readable.then(|| types.join(&b","[..]))
}

/// Returns the content coding that the transport has not decoded, if there is one.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .find(|coding| !coding.is_empty() && !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Returns the delay of `Retry-After`, which has seconds or a date
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.as_bytes();
    retry_after_seconds(value).or_else(|| {
        let date = httpdate::parse_http_date(str::from_utf8(value).ok()?.trim()).ok()?;
        date.duration_since(SystemTime::now()).ok()
    })
}

/// URI that sent a response, after redirects. It is an extension of the response.
#[derive(Clone, Debug)]
pub(crate) struct ResponseUri(pub(crate) Uri);

/// Returns the URI that sent a response. Each transport adds it. It is `/` if a layer has removed it.
pub(crate) fn response_uri(extensions: &Extensions) -> Uri {
    let noted = extensions.get::<ResponseUri>();
    noted.map(|uri| uri.0.clone()).unwrap_or_default()
}

/// Limits for reading the body of a response that is not an event stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorBodyLimits {
    pub(crate) max_body_bytes: usize,
    pub(crate) timeout: Duration,
}

impl Default for ErrorBodyLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 * 1024,
            timeout: Duration::from_secs(5),
        }
    }
}

/// Frames per unit of work.
const WORK_UNIT_FRAMES: usize = 8;

/// Future that reads the body of a response that is not an event stream.
pub(crate) struct ReadUnexpected {
    head: Parts,
    body: Pin<Box<Body>>,
    read: BytesMut,
    max_body_bytes: usize,
    timeout: Pin<Box<Sleep>>,
    turn: Turn,
}

impl ReadUnexpected {
    pub(crate) fn new(response: Response<Body>, limits: ErrorBodyLimits) -> Self {
        let (head, body) = response.into_parts();
        Self {
            head,
            body: Box::pin(body),
            read: BytesMut::new(),
            max_body_bytes: limits.max_body_bytes,
            timeout: Box::pin(tokio::time::sleep(limits.timeout)),
            turn: Turn::with_unit(WORK_UNIT_FRAMES),
        }
    }
}

impl Future for ReadUnexpected {
    type Output = Box<UnexpectedResponse>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Box<UnexpectedResponse>> {
        while self.read.len() < self.max_body_bytes && self.timeout.as_mut().poll(cx).is_pending() {
            ready!(self.turn.poll(cx));
            let Poll::Ready(frame) = self.body.as_mut().poll_frame(cx) else {
                self.turn.end();
                return Poll::Pending;
            };
            self.turn.add(1);
            match frame {
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        let room = self.max_body_bytes - self.read.len();
                        let part = &bytes[..bytes.len().min(room)];
                        self.read.extend_from_slice(part);
                    }
                }
                Some(Err(_)) | None => break,
            }
        }
        Poll::Ready(Box::new(UnexpectedResponse {
            uri: response_uri(&self.head.extensions),
            status: self.head.status,
            headers: core::mem::take(&mut self.head.headers),
            body: self.read.split().freeze(),
        }))
    }
}
