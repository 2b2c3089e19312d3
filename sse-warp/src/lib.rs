//! Server-sent events for [warp](https://docs.rs/warp/0.4) 0.4.
//!
//! ```
//! use futures_util::stream;
//! use sse_warp::{Event, EventStreamRequest};
//! use warp::Filter;
//!
//! let count = warp::path("count")
//!     .and(sse_warp::request())
//!     .map(|sse: EventStreamRequest| {
//!         let next = sse.last_event_id().map_or(1, |seen: u64| seen.saturating_add(1));
//!         let events = (next..=u64::MAX).map(|n| Event::new(n.to_string()).with_id(n));
//!         sse.respond(stream::iter(events))
//!     });
//! # let _ = async { warp::serve(count).run(([127, 0, 0, 1], 8080)).await };
//! ```
//!
//! This crate is a thin layer over [`sse_hyper`] and uses only warp's public API. Unlike the events of `warp::sse`,
//! these events cannot be forged: an event type or ID cannot have a line end.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `json` | `Event::json`, and `Event::from_enum` for the variants of an enum |
//! | `tracing` | logs the error that ends a stream of results |
//!
//! # Types
//!
//! | item | role |
//! |---|---|
//! | [`request`], [`request_with`] | filters that extract an [`EventStreamRequest`], without and with a tracker |
//! | [`EventStreamRequest`] | request for events: has the last event ID, and responds |
//! | [`reply`] | reply without a request |
//! | [`last_event_id`], [`last_event_id_or_query`] | filters for the last event ID alone |
//! | [`no_content`] | reply that tells the client to stop reconnecting |
//! | [`StreamTracker`], [`StreamConfig`], [`KeepAlive`], [`CloseEvent`] | as in [`sse_hyper`] |
//! | [`Event`], [`EventType`], [`EventId`], [`EventStream`] | as in [`sse_hyper`] |
//!
//! # Graceful shutdown
//!
//! A graceful shutdown waits until all connections end, and an open event stream may never end. A [`StreamTracker`]
//! closes the streams:
//!
//! ```no_run
//! use futures_util::stream;
//! use sse_warp::{CloseEvent, Event, EventStreamRequest, StreamTracker};
//! use warp::Filter;
//!
//! # #[tokio::main]
//! # async fn main() {
//! let tracker = StreamTracker::default();
//! let events = warp::path("events")
//!     .and(sse_warp::request_with(tracker.clone()))
//!     .map(|sse: EventStreamRequest| sse.respond(stream::pending::<Event>()))
//!     .with(warp::cors().allow_any_origin().allow_header("last-event-id"));
//! let signal = tokio::signal::ctrl_c();
//! warp::serve(events)
//!     .bind(([127, 0, 0, 1], 8080))
//!     .await
//!     .graceful(tracker.close_on(signal, CloseEvent::new(Event::new("back soon"))))
//!     .run()
//!     .await;
//! # }
//! ```
//!
//! # HTTP versions
//!
//! warp does not show the HTTP version of a request, so no request is refused because of its version. The server of
//! warp passes on only versions that can get a stream. For HTTP/1.0, it closes the connection after the stream.

#![cfg_attr(docsrs, feature(doc_cfg))]

use core::{convert::Infallible, fmt, str::FromStr};

use http_body_util::BodyDataStream;
use sse_hyper::EventBody;
use sync_wrapper::SyncStream;
use warp::{
    Filter, Reply,
    http::{HeaderMap, Method, Request, Uri},
    reply::Response,
};

pub use sse_hyper;
#[cfg(feature = "json")]
pub use sse_hyper::EnumError;
pub use sse_hyper::{
    CloseEvent, Event, EventId, EventStream, EventType, InvalidLastEventId, InvalidValue,
    KeepAlive, StreamConfig, StreamTracker,
};

/// Extracts a request for an event stream with the default configuration and no tracker.
///
/// An idle stream sends an empty comment every 15 s. Use [`request_with`] to configure, count or close the streams.
pub fn request()
-> impl Filter<Extract = (EventStreamRequest,), Error = Infallible> + Clone + Send + Sync + 'static
{
    head().map(|head| EventStreamRequest {
        request: sse_hyper::EventStreamRequest::new(&head),
    })
}

/// Extracts a request for an event stream that this tracker configures, counts and closes.
///
/// ```
/// use futures_util::stream;
/// use sse_warp::{Event, EventStreamRequest, StreamTracker};
/// use warp::Filter;
///
/// let tracker = StreamTracker::default();
/// let events = warp::path("events")
///     .and(sse_warp::request_with(tracker.clone()))
///     .map(|sse: EventStreamRequest| sse.respond(stream::iter([Event::new("hello")])));
/// # let _ = async { warp::serve(events).run(([127, 0, 0, 1], 8080)).await };
/// ```
pub fn request_with(
    tracker: StreamTracker,
) -> impl Filter<Extract = (EventStreamRequest,), Error = Infallible> + Clone + Send + Sync + 'static
{
    head().map(move |head| EventStreamRequest {
        request: tracker.request(&head),
    })
}

/// Request for an event stream: reads the last event ID, and replies with events.
///
/// The filters [`request`] and [`request_with`] extract it. They do not take the body of the request, so a route for
/// POST can also extract `warp::body::json()`.
#[derive(Clone, Debug)]
#[must_use = "a request needs a reply"]
pub struct EventStreamRequest {
    request: sse_hyper::EventStreamRequest,
}

impl EventStreamRequest {
    /// Returns the ID of the last event that the client saw, from the `Last-Event-ID` header.
    ///
    /// `T` is the type that the server makes its IDs from: a number, your own type, or [`EventId`] for any text.
    /// Returns `None` if the client saw no event with an ID, or if the ID cannot be parsed. Such an ID may be from an
    /// older version of the server, and any status but 200 ends a browser's `EventSource` for good.
    pub fn last_event_id<T: FromStr<Err: fmt::Display>>(&self) -> Option<T> {
        self.request.last_event_id()
    }

    /// Returns the ID of the last event that the client saw, or an error if it is invalid.
    ///
    /// # Errors
    ///
    /// [`InvalidLastEventId`] if the header is not UTF-8, has a character that no event ID can have, is longer than
    /// 1024 bytes, or cannot be parsed as `T`. Do not answer with an error status: a browser's `EventSource` would
    /// not reconnect.
    pub fn try_last_event_id<T: FromStr<Err: fmt::Display>>(
        &self,
    ) -> Result<Option<T>, InvalidLastEventId> {
        self.request.try_last_event_id()
    }

    /// Returns the ID of the last event that the client saw, from the header or from the query parameter `name`.
    ///
    /// The parameter is read only if there is no header, or an empty one. Use it for clients that cannot set the
    /// header, such as a script that creates a new `EventSource`. Anyone who makes a link can set the parameter.
    /// Returns `None` for the same IDs as [`last_event_id`](Self::last_event_id).
    pub fn last_event_id_or_query<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Option<T> {
        self.request.last_event_id_or_query(name)
    }

    /// Returns the whole reply: status, headers and a body that sends the events.
    ///
    /// `HEAD` gets no stream. A `GET` or `HEAD` whose `Accept` header excludes events gets `406 Not Acceptable`. The
    /// stream may be one of results: it ends at the first error, as [`sse_hyper::StreamError`] says.
    pub fn respond<S>(&self, events: S) -> Response
    where
        S: EventStream + Send + 'static,
    {
        convert(self.request.respond(events))
    }
}

/// Returns a reply that sends the events, with a comment every 15 s when idle.
///
/// The reply has the headers that an event stream needs. No request is checked; [`EventStreamRequest::respond`]
/// checks it.
pub fn reply<S>(events: S) -> Response
where
    S: EventStream + Send + 'static,
{
    convert(sse_hyper::respond(&Request::new(()), events))
}

/// Returns a reply with `204 No Content`, which tells the client to stop reconnecting
/// ([9.2.1](https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro)).
pub fn no_content() -> impl Reply {
    warp::http::StatusCode::NO_CONTENT
}

/// Extracts the ID of the last event that the client saw before it lost the connection, from the
/// `Last-Event-ID` header.
///
/// An ID that cannot be parsed as `T`, or that is longer than 1024 bytes, becomes `None`: any error status would end
/// a browser's `EventSource` for good. To handle such an ID yourself, use [`EventStreamRequest::try_last_event_id`].
pub fn last_event_id<T: FromStr<Err: fmt::Display> + Send>()
-> impl Filter<Extract = (Option<T>,), Error = Infallible> + Clone + Send + Sync + 'static {
    request().map(|request: EventStreamRequest| request.last_event_id())
}

/// Extracts the ID of the last event that the client saw, from the `Last-Event-ID` header or a query parameter.
///
/// The query parameter with this name is read only if there is no such header or if the header is empty. An ID that
/// cannot be parsed as `T` becomes `None`, because any error status would end a browser's `EventSource` for good.
pub fn last_event_id_or_query<T: FromStr<Err: fmt::Display> + Send>(
    name: &'static str,
) -> impl Filter<Extract = (Option<T>,), Error = Infallible> + Clone + Send + Sync + 'static {
    request().map(move |request: EventStreamRequest| request.last_event_id_or_query(name))
}

/// Extracts the method, the headers and the query of the request.
fn head()
-> impl Filter<Extract = (Request<()>,), Error = Infallible> + Clone + Send + Sync + 'static {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(warp::header::headers_cloned())
        .and(query)
        .map(|method: Method, headers: HeaderMap, query: String| {
            let mut request = Request::new(());
            *request.method_mut() = method;
            *request.headers_mut() = headers;
            if !query.is_empty() {
                *request.uri_mut() = Uri::try_from(format!("/?{query}")).unwrap_or_default();
            }
            request
        })
}

/// Converts the response of hyper into a reply of warp.
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
