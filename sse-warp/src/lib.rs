//! Server-sent events for [warp](https://docs.rs/warp/0.4) 0.4: [`reply`] with a stream of events, or
//! [`respond`] with one of many [`Streams`], and [`last_event_id`] to know where to start.
//!
//! A thin layer over [`sse_hyper::EventBody`], through warp's public API. Unlike the events of
//! `warp::sse`, these cannot be forged: a type or an ID with a line end in it does not exist.
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
//! With a handle on all streams, to count and to close them, and with looking at what the client
//! accepts:
//!
//! ```
//! use futures_util::stream;
//! use sse_warp::{Event, Streams};
//! use warp::{Filter, http::Request};
//!
//! let streams = Streams::default();
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
//! warp does not show the version of a request. Each that its server passes on can be answered with a
//! stream (HTTP/1.0 by closing the connection behind it), so none is refused for that.

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
    Event, EventBody, EventId, EventStream, EventType, Farewell, InvalidLastEventId, InvalidValue,
    KeepAlive, Settings, Streams, UntilError, parse_event_id, until_error,
};

/// The events as a reply, with the headers that an event stream needs, and with a comment every
/// 15 s when idle.
pub fn reply<S>(events: S) -> Response
where
    S: EventStream + Send + 'static,
{
    convert(sse_hyper::response(&Request::new(()), events))
}

/// The body as a reply to a [`request`]: as [`sse_hyper::respond`], so `HEAD` gets no stream, and a
/// client that does not accept events `406 Not Acceptable`.
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
    // warp wants `Sync`, which most streams are not; a body is only ever used through `&mut`.
    let frames = SyncStream::new(BodyDataStream::new(body));
    let mut response = warp::reply::stream(frames).into_response();
    *response.status_mut() = head.status;
    response.headers_mut().extend(head.headers);
    response
}

/// `204 No Content`, which tells a client to stop
/// ([9.2.1](https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro)).
pub fn no_content() -> impl Reply {
    warp::http::StatusCode::NO_CONTENT
}

/// What [`respond`] looks at: the method and the headers of the request.
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
/// A value that cannot be an event ID counts as none: any error status would end a browser's `EventSource` for
/// good. The limit is 1024 bytes. A route that treats such a value in another way takes a [`request`] and calls
/// [`sse_hyper::last_event_id`].
pub fn last_event_id()
-> impl Filter<Extract = (Option<EventId>,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::header::headers_cloned().map(|headers| sse_hyper::last_event_id(&headers).ok().flatten())
}

/// Extracts the ID of the last event that the client saw, from the `Last-Event-ID` header or, if there is no
/// such header, from the query parameter of this name.
///
/// A value that cannot be an event ID counts as none, because any error status would end a browser's
/// `EventSource` for good.
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
