//! Server-sent events for [warp](https://docs.rs/warp/0.4) 0.4: [`reply`] with a stream of events,
//! and [`last_event_id`] to know where to start.
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
//! Every request that warp's server passes on can be answered with a stream (HTTP/1.0 by closing the
//! connection behind it), so nothing is refused here.

use core::str::FromStr;

use futures_core::Stream;
use http_body_util::BodyDataStream;
use sync_wrapper::SyncStream;
use warp::{Filter, Rejection, Reply, http::HeaderMap};

pub use sse_hyper::{Event, EventBody, EventId, EventType, InvalidValue, KeepAlive};

/// The events as a reply, with the headers that an event stream needs, and with a comment every
/// 15 s when idle.
pub fn reply<S>(events: S) -> impl Reply
where
    S: Stream<Item = Event> + Send + 'static,
{
    reply_with(EventBody::new(events).with_keep_alive(KeepAlive::default()))
}

/// The body as a reply, with the headers that an event stream needs. For a
/// [keep-alive](EventBody::with_keep_alive) of your choice.
pub fn reply_with<S>(body: EventBody<S>) -> impl Reply
where
    S: Stream<Item = Event> + Send + 'static,
{
    let (head, body) = body.into_response().into_parts();
    // warp wants `Sync`, which most streams are not; a body is only ever used through `&mut`.
    let frames = SyncStream::new(BodyDataStream::new(body));
    let mut response = warp::reply::stream(frames).into_response();
    response.headers_mut().extend(head.headers);
    response
}

/// The ID of the last event that the client saw before it lost the connection, from the
/// `Last-Event-ID` header
/// ([9.2.4](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header)).
///
/// A value that cannot be an event ID is rejected with `400 Bad Request`, as by warp's own filters
/// for headers.
pub fn last_event_id()
-> impl Filter<Extract = (Option<EventId>,), Error = Rejection> + Clone + Send + Sync + 'static {
    warp::header::headers_cloned()
        .and_then(|headers: HeaderMap| async move {
            sse_hyper::last_event_id(&headers).map_err(|_| warp::reject::reject())
        })
        .or(warp::header::header("last-event-id").map(|never: Never| match never {}))
        .unify()
}

/// A header value that is never valid. Asking warp for one gives its own rejection of a faulty
/// header, which it answers with 400; there is no other way to make one.
enum Never {}

impl FromStr for Never {
    type Err = ();

    fn from_str(_: &str) -> Result<Self, ()> {
        Err(())
    }
}
