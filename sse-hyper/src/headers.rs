use futures_core::Stream;
use http::{
    HeaderValue, Request, Response, StatusCode, Version,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName},
};
use sse_proto::Event;

use crate::EventBody;

/// The whole response to a request for events, with a comment every 15 s when idle.
///
/// The same as [`respond`] with an [`EventBody`] that has the default
/// [`KeepAlive`](crate::KeepAlive). The body has to be polled on a tokio runtime with its timer on.
#[cfg(feature = "tokio")]
pub fn response<B, S>(request: &Request<B>, events: S) -> Response<EventBody<S>>
where
    S: Stream<Item = Event>,
{
    let body = EventBody::new(events).with_keep_alive(crate::KeepAlive::default());
    respond(request, body)
}

/// The whole response to a request for events: `200 OK` with the headers that an event stream
/// needs, or the refusal of a request that cannot be answered with a stream.
///
/// Refused, by `505 HTTP Version Not Supported` with the body `Streaming unsupported!`, is a request
/// of HTTP/0.9 or of a version that is not known here: there is no way to say that what follows is
/// an event stream and where it ends. HTTP/1.0 is served: hyper ends that body by closing the
/// connection. HTTP/1.1 gets chunks; HTTP/2 and HTTP/3 have frames of their own. hyper itself
/// answers what it cannot parse with 400 before any of this.
pub fn respond<B, S>(request: &Request<B>, body: EventBody<S>) -> Response<EventBody<S>>
where
    S: Stream<Item = Event>,
{
    let version = request.version();
    if !can_stream(version) {
        return refusal();
    }
    let mut response = body.into_response();
    if version == Version::HTTP_10 {
        // The end of the connection is the end of the body. hyper promises a client that asks for
        // it to keep the connection, unless the response is of this version too.
        *response.version_mut() = version;
    }
    response
}

impl<S: Stream<Item = Event>> EventBody<S> {
    /// `200 OK` with the headers that an event stream needs:
    ///
    /// - `Content-Type: text/event-stream`, always UTF-8
    ///   ([9.2.5](https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream));
    /// - `Cache-Control: no-cache`, for what was said to one client is not what the next one asks;
    /// - `X-Accel-Buffering: no`, which makes nginx and others pass on each event as it comes.
    ///
    /// For servers where there is no [`Request`] to [`respond`] to.
    pub fn into_response(self) -> Response<Self> {
        let mut response = Response::new(self);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
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

fn refusal<S>() -> Response<EventBody<S>> {
    let mut response = Response::new(EventBody::text("Streaming unsupported!"));
    *response.status_mut() = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
