use headers_accept::Accept;
use headers_core::Header;
#[cfg(feature = "tokio")]
use http::Request;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Version,
    header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY},
};
use mediatype::{
    MediaTypeBuf, ReadParams,
    names::{_STAR, EVENT_STREAM, Q, TEXT},
};

use crate::{EventBody, coding::Coding};

/// Returns the whole response to a request for events, with a comment every 15 s when idle.
///
/// Status and headers are those of [`StreamTracker::respond`](crate::StreamTracker::respond), and so are the requests
/// that are refused. The body must be polled on a tokio runtime whose timer is enabled. Use a
/// [`StreamTracker`](crate::StreamTracker) to configure, count or close the streams.
///
/// ```
/// use futures_util::stream;
/// use http::Request;
/// use sse_hyper::Event;
///
/// let request = Request::get("/events").body(())?; // from the server
/// let response = sse_hyper::respond(&request, stream::iter([Event::new("hello")]));
/// assert_eq!(response.headers()["content-type"], "text/event-stream");
/// # Ok::<(), http::Error>(())
/// ```
#[cfg(feature = "tokio")]
pub fn respond<B, S: crate::EventStream>(
    request: &Request<B>,
    events: S,
) -> Response<EventBody<S>> {
    RequestHead::new(request.method(), request.version(), request.headers())
        .respond(EventBody::with_default_config(events))
}

/// Returns a response with `204 No Content`, which tells the client to stop reconnecting.
///
/// "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting using the HTTP
/// 204 No Content response code."
/// ([9.2.1](https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro))
pub fn no_content<S>() -> Response<EventBody<S>> {
    let mut response = Response::new(EventBody::text(""));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

impl<S> EventBody<S> {
    /// Returns a response with `200 OK`, this body, and the headers that an event stream needs.
    ///
    /// - `Content-Type: text/event-stream`, always UTF-8
    ///   ([9.2.5](https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream));
    /// - `Cache-Control: no-cache, no-transform`, because the events for one client are wrong for the next one, and
    ///   because proxies that compress hold events back (`HAProxy` does);
    /// - `Incremental: ?1`, which asks proxies to pass on each event as it comes
    ///   ([RFC 10036](https://www.rfc-editor.org/rfc/rfc10036));
    /// - `X-Accel-Buffering: no`, which asks older ones, such as nginx.
    ///
    /// It checks no request. Use it where there is no request to check.
    pub fn into_response(self) -> Response<Self> {
        let mut response = Response::new(self);
        // Capacity for exactly these four: hyper keeps the map until the connection ends.
        *response.headers_mut() = HeaderMap::with_capacity(4);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-transform"),
        );
        // A Boolean of structured fields, which is true.
        headers.insert(
            HeaderName::from_static("incremental"),
            HeaderValue::from_static("?1"),
        );
        headers.insert(
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        );
        if response.body().config().gzip {
            response.headers_mut().insert(VARY, ACCEPT_ENCODING.into());
        }
        if response.body().coding() != Coding::Identity {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        response
    }
}

/// Properties of a request that decide if its response is a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHead {
    version: Version,
    is_head: bool,
    is_acceptable: bool,
    coding: Coding,
}

impl RequestHead {
    pub(crate) fn new(method: &Method, version: Version, headers: &HeaderMap) -> Self {
        let is_head = method == Method::HEAD;
        Self {
            version,
            is_head,
            is_acceptable: !(is_head || method == Method::GET) || is_acceptable(headers),
            coding: Coding::accepted(headers),
        }
    }

    /// Returns the response with this body, or a refusal.
    pub(crate) fn respond<S>(self, mut body: EventBody<S>) -> Response<EventBody<S>> {
        if !can_stream(self.version) {
            return refusal(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "Streaming unsupported!",
            );
        }
        if !self.is_acceptable {
            return refusal(
                StatusCode::NOT_ACCEPTABLE,
                "not acceptable: this resource is available only as text/event-stream",
            );
        }
        if body.config().gzip {
            body.set_coding(self.coding);
        }
        let mut response = body.into_response();
        if self.is_head {
            response = response.map(|_| EventBody::text(""));
        }
        if self.version == Version::HTTP_10 {
            // The end of the connection marks the end of the body. If the client asks for keep-alive, hyper promises
            // it, unless the response has this version too.
            *response.version_mut() = self.version;
        }
        response
    }
}

fn can_stream(version: Version) -> bool {
    [
        Version::HTTP_10,
        Version::HTTP_11,
        Version::HTTP_2,
        Version::HTTP_3,
    ]
    .contains(&version)
}

fn refusal<S>(status: StatusCode, reason: &str) -> Response<EventBody<S>> {
    let mut response = Response::new(EventBody::text(reason));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Returns whether the client accepts an event stream.
///
/// "the most specific reference has precedence"
/// ([RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)). A client without an `Accept` header,
/// or with one that cannot be parsed, accepts everything.
fn is_acceptable(headers: &HeaderMap) -> bool {
    let Ok(accept) = Accept::decode(&mut headers.get_all(Accept::name()).iter()) else {
        return true;
    };
    match accept.media_types().map(specificity).max() {
        None => true,
        Some(None) => false,
        Some(best) => accept
            .media_types()
            .any(|range| specificity(range) == best && is_wanted(range)),
    }
}

/// Returns how specific the range is, or `None` if it excludes event streams.
///
/// Parameters are ignored, because they do not distinguish event streams.
fn specificity(range: &MediaTypeBuf) -> Option<u8> {
    let (kind, subtype) = (range.ty(), range.subty());
    if kind == TEXT && subtype == EVENT_STREAM {
        Some(2)
    } else if kind == TEXT && subtype == _STAR {
        Some(1)
    } else if kind == _STAR && subtype == _STAR {
        Some(0)
    } else {
        None
    }
}

/// Returns whether the quality of the range is not 0.
///
/// "A sender of qvalue MUST NOT generate more than three digits", and 0 is "not acceptable".
fn is_wanted(range: &MediaTypeBuf) -> bool {
    let is_not_zero = |digit| matches!(digit, '1'..='9');
    range
        .get_param(Q)
        .is_none_or(|quality| quality.as_str().contains(is_not_zero))
}
