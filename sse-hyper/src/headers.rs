use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName},
};

use crate::{EventBody, EventStream, accept::is_acceptable};

/// The whole response to a request for events: `200 OK` with the headers that an event stream
/// needs, or the refusal of a request that cannot be answered with a stream.
///
/// - `HEAD` gets the same headers and no stream.
/// - `406 Not Acceptable` is for a `GET` or `HEAD` whose `Accept` excludes `text/event-stream`
///   ([RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)). Other methods get
///   the stream all the same: clients of LLM APIs say in the body that they want one, and accept
///   `application/json`.
/// - `505 HTTP Version Not Supported`, with the body `Streaming unsupported!`, is for HTTP/0.9 and
///   versions that are not known here: there is no way to say that what follows is an event stream
///   and where it ends. HTTP/1.0 is served: hyper ends that body by closing the connection. HTTP/1.1
///   gets chunks; HTTP/2 and HTTP/3 have frames of their own. hyper itself answers what it cannot
///   parse with 400 before any of this.
///
/// Whether a method may ask for events at all is for the server's routes to say.
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
            "Accept: all that there is here is text/event-stream",
        );
    }
    let body = if is_head { EventBody::text("") } else { body };
    let mut response = body.into_response();
    if version == Version::HTTP_10 {
        // The end of the connection is the end of the body. hyper promises a client that asks for
        // it to keep the connection, unless the response is of this version too.
        *response.version_mut() = version;
    }
    response
}

/// `204 No Content`: tells a client to stop, "Clients will reconnect if the connection is closed; a
/// client can be told to stop reconnecting using the HTTP 204 No Content response code."
/// ([9.2.1](https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro))
pub fn no_content<S>() -> Response<EventBody<S>> {
    let mut response = Response::new(EventBody::text(""));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

impl<S> EventBody<S> {
    /// `200 OK` with the headers that an event stream needs:
    ///
    /// - `Content-Type: text/event-stream`, always UTF-8
    ///   ([9.2.5](https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream));
    /// - `Cache-Control: no-cache, no-transform`, for what was said to one client is not what the next
    ///   one asks, and proxies that compress hold events back (`HAProxy` does);
    /// - `X-Accel-Buffering: no`, which makes nginx and others pass on each event as it comes.
    ///
    /// For servers where there is no [`Request`] to [`respond`] to.
    pub fn into_response(self) -> Response<Self> {
        let mut response = Response::new(self);
        // Room for no more than these three: hyper keeps the map for as long as the connection lasts.
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
