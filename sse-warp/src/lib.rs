//! Server-sent events for [warp](https://docs.rs/warp/0.4) 0.4.
//!
//! [`reply`] answers with a stream of events. [`respond`] does so with a body of [`StreamTracker`], a handle on all
//! streams. [`last_event_id`] extracts the ID after which the client resumes.
//!
//! This crate is a thin layer over [`sse_hyper::EventBody`] and uses only warp's public API. Unlike the events of
//! `warp::sse`, these events cannot be forged: an event type or ID cannot have a line end.
//!
//! ```
//! use futures_util::stream;
//! use sse_warp::{Event, EventId};
//! use warp::Filter;
//!
//! let events = warp::path("events")
//!     .and(sse_warp::last_event_id())
//!     .map(|last_event_id: Option<EventId>| {
//!         let greeting = match last_event_id {
//!             None => "hello".to_owned(),
//!             Some(id) => format!("hello again, you have seen {id}"),
//!         };
//!         sse_warp::reply(stream::iter([Event::new(greeting)]))
//!     });
//! # let _ = async { warp::serve(events).run(([127, 0, 0, 1], 8080)).await };
//! ```
//!
//! This server also has a handle to count and close all streams, and it checks the `Accept` header of the client:
//!
//! ```
//! use futures_util::stream;
//! use sse_warp::{Event, StreamTracker};
//! use warp::{Filter, http::Request};
//!
//! let streams = StreamTracker::default();
//! let events = warp::path("events")
//!     .and(sse_warp::request())
//!     .map(move |request: Request<()>| {
//!         let events = stream::iter([Event::new("hello")]);
//!         sse_warp::respond(&request, streams.body(events))
//!     })
//!     .with(warp::cors().allow_any_origin().allow_header("last-event-id"));
//! # let _ = async { warp::serve(events).run(([127, 0, 0, 1], 8080)).await };
//! ```
//!
//! warp does not show the HTTP version of a request, so no request is refused because of its version. The server of
//! warp passes on only versions that can get a stream. For HTTP/1.0, it closes the connection after the stream.

use core::convert::Infallible;

use http_body_util::BodyDataStream;
use sync_wrapper::SyncStream;
use warp::{
    Filter, Reply,
    http::{HeaderMap, Method, Request, Uri},
    reply::Response,
};

pub use sse_hyper;
pub use sse_hyper::{
    CloseEvent, Event, EventBody, EventId, EventStream, EventType, InvalidLastEventId,
    InvalidValue, KeepAlive, StreamConfig, StreamTracker, UntilError, parse_event_id, until_error,
};

/// Returns a reply that sends the events, with a comment every 15 s when idle.
///
/// The reply has the headers that an event stream needs. The request is not checked; [`respond`] does that.
pub fn reply<S>(events: S) -> Response
where
    S: EventStream + Send + 'static,
{
    convert(sse_hyper::response(&Request::new(()), events))
}

/// Returns a reply to a [`request`] that sends the body, like [`sse_hyper::respond`].
///
/// `HEAD` gets no stream. A `GET` or `HEAD` whose `Accept` header excludes events gets `406 Not Acceptable`.
pub fn respond<B, S>(request: &Request<B>, body: EventBody<S>) -> Response
where
    S: EventStream + Send + 'static,
{
    convert(sse_hyper::respond(request, body))
}

fn convert<S>(response: warp::http::Response<EventBody<S>>) -> Response
where
    S: EventStream + Send + 'static,
{
    let (head, body) = response.into_parts();
    // warp requires `Sync`, which most streams are not. The wrapper gives access only through `&mut`.
    let frames = SyncStream::new(BodyDataStream::new(body));
    let mut response = warp::reply::stream(frames).into_response();
    *response.status_mut() = head.status;
    response.headers_mut().extend(head.headers);
    response
}

/// Returns a reply with `204 No Content`, which tells the client to stop reconnecting
/// ([9.2.1](https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro)).
pub fn no_content() -> impl Reply {
    warp::http::StatusCode::NO_CONTENT
}

/// Extracts the method and the headers of the request, which [`respond`] checks.
pub fn request()
-> impl Filter<Extract = (Request<()>,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::method()
        .and(warp::header::headers_cloned())
        .map(|method: Method, headers: HeaderMap| {
            let mut request = Request::new(());
            *request.method_mut() = method;
            *request.headers_mut() = headers;
            request
        })
}

/// Extracts the ID of the last event that the client saw before it lost the connection, from the
/// `Last-Event-ID` header.
///
/// A value that cannot be an event ID, or that is longer than 1024 bytes, becomes `None`: any error status would end
/// a browser's `EventSource` for good. To handle such a value yourself, extract a [`request`] and call
/// [`sse_hyper::last_event_id`].
pub fn last_event_id()
-> impl Filter<Extract = (Option<EventId>,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::header::headers_cloned().map(|headers| sse_hyper::last_event_id(&headers).ok().flatten())
}

/// Extracts the ID of the last event that the client saw, from the `Last-Event-ID` header or a query parameter.
///
/// The query parameter with this name is read only if there is no such header or if the header is empty. A value that
/// cannot be an event ID becomes `None`, because any error status would end a browser's `EventSource` for good.
pub fn last_event_id_or_query(
    name: &'static str,
) -> impl Filter<Extract = (Option<EventId>,), Error = Infallible> + Clone + Send + Sync + 'static {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::header::headers_cloned()
        .and(query)
        .map(move |headers: HeaderMap, query: String| {
            let id = match sse_hyper::last_event_id(&headers) {
                Ok(None) => {
                    let uri = Uri::try_from(format!("/?{query}")).unwrap_or_default();
                    sse_hyper::last_event_id_in_query(&uri, name)
                }
                id => id,
            };
            id.ok().flatten()
        })
}
