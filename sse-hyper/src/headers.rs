use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName},
};

use crate::{EventBody, EventStream, accept::is_acceptable};

/// Returns the whole response to a request for events: status, headers and body.
///
/// The response is `200 OK` with the headers of [`EventBody::into_response`], but for these requests:
///
/// - `HEAD` gets the same headers and no stream.
/// - A `GET` or `HEAD` whose `Accept` excludes `text/event-stream` gets `406 Not Acceptable`
///   ([RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)). For other methods, `Accept` is
///   ignored: clients of LLM APIs accept `application/json` and ask for the stream in the request body.
/// - A request of HTTP/0.9 or of an unknown version gets `505 HTTP Version Not Supported`, with the body
///   `Streaming unsupported!`. Such a response could not say that it is an event stream, nor where it ends.
///
/// HTTP/1.0 gets the stream, and hyper ends that body by closing the connection. HTTP/1.1 gets chunks; HTTP/2 and
/// HTTP/3 have frames of their own. A request that hyper cannot parse does not get here: hyper answers it with 400.
///
/// The method is not checked otherwise. The routes of the server decide which methods may ask for events.
pub fn respond<B, S: EventStream>(
    request: &Request<B>,
    body: EventBody<S>,
) -> Response<EventBody<S>> {
    let version = request.version();
    if !can_stream(version) {
        return refusal(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "Streaming unsupported!",
        );
    }
    let is_head = request.method() == Method::HEAD;
    if (is_head || request.method() == Method::GET) && !is_acceptable(request.headers()) {
        return refusal(
            StatusCode::NOT_ACCEPTABLE,
            "not acceptable: this resource is available only as text/event-stream",
        );
    }
    let body = if is_head { EventBody::text("") } else { body };
    let mut response = body.into_response();
    if version == Version::HTTP_10 {
        // The end of the connection marks the end of the body. If the client asks for keep-alive, hyper promises
        // it, unless the response has this version too.
        *response.version_mut() = version;
    }
    response
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
    /// - `X-Accel-Buffering: no`, which makes nginx and others pass on each event as it comes.
    ///
    /// Use it where there is no [`Request`] for [`respond`].
    pub fn into_response(self) -> Response<Self> {
        let mut response = Response::new(self);
        // Capacity for exactly these three: hyper keeps the map until the connection ends.
        *response.headers_mut() = HeaderMap::with_capacity(3);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-transform"),
        );
        headers.insert(
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        );
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
