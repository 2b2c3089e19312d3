use core::{fmt, str::FromStr};

use http::{HeaderMap, Method, Response, Uri, Version};
use sse_proto::EventId;

use crate::{
    EventBody, EventStream, InvalidLastEventId, StreamTracker, last_event_id,
    last_event_id_in_query, parse_event_id, response::RequestHead,
};

/// Request for an event stream: reads the last event ID, and answers with events.
///
/// It holds what the response depends on: method, version, `Accept`, `Last-Event-ID` and the query. With the feature
/// `axum`, it is an extractor, in the style of `WebSocketUpgrade`. On other servers,
/// [`StreamTracker::request`] creates it.
///
/// ```
/// # #[cfg(feature = "axum")]
/// # mod example {
/// use axum::{Router, response::IntoResponse, routing::get};
/// use futures_util::stream;
/// use sse_hyper::{Event, EventStreamRequest};
///
/// async fn count(sse: EventStreamRequest) -> impl IntoResponse {
///     let next = sse.last_event_id().map_or(1, |seen: u64| seen.saturating_add(1));
///     let events = (next..=u64::MAX).map(|n| Event::new(n.to_string()).with_id(n));
///     sse.respond(stream::iter(events))
/// }
///
/// # fn router() -> Router {
/// let router = Router::new().route("/count", get(count));
/// # router
/// # }
/// # }
/// ```
///
/// # Configuration and graceful shutdown
///
/// In axum, a [`StreamTracker`] that is in the router as an `Extension` configures, counts and closes the streams.
/// Without one, a stream has the default configuration: an empty comment every 15 s when idle.
///
/// ```
/// # #[cfg(feature = "axum")]
/// # fn router() -> axum::Router {
/// use axum::{Extension, Router};
/// use sse_hyper::{KeepAlive, StreamConfig, StreamTracker};
/// use std::time::Duration;
///
/// let keep_alive = KeepAlive::new().interval(Duration::from_secs(25));
/// let tracker = StreamTracker::new(StreamConfig::default().keep_alive(keep_alive));
/// let router = Router::new().layer(Extension(tracker.clone()));
/// # router
/// # }
/// ```
///
/// [`StreamTracker::close_on`] ends the streams of such a router when the server shuts down.
///
/// # POST
///
/// It does not take the body of the request, so a handler can also extract `Json<T>`, for example to serve an LLM:
///
/// ```
/// # #[cfg(feature = "axum")]
/// # mod example {
/// use axum::{Json, Router, response::IntoResponse, routing::post};
/// use futures_util::stream;
/// use serde_json::Value;
/// use sse_hyper::{Event, EventStreamRequest};
///
/// async fn chat(sse: EventStreamRequest, Json(question): Json<Value>) -> impl IntoResponse {
///     let words = question["prompt"].as_str().unwrap_or_default().split_whitespace();
///     let words: Vec<_> = words.map(|word| Event::new(word.to_owned())).collect();
///     sse.respond(stream::iter(words))
/// }
///
/// # fn router() -> Router {
/// let router = Router::new().route("/v1/chat/completions", post(chat));
/// # router
/// # }
/// # }
/// ```
///
/// # Errors in mid-stream
///
/// A stream of `Result<Event, E>` ends at its first error. [`StreamError`](crate::StreamError) says which errors are
/// logged, and how to tell the client about one.
#[derive(Clone, Debug)]
#[doc(alias = "Sse")]
#[must_use = "a request needs a response"]
pub struct EventStreamRequest {
    head: RequestHead,
    last_event_id: Result<Option<EventId>, InvalidLastEventId>,
    uri: Uri,
    tracker: Option<StreamTracker>,
}

impl EventStreamRequest {
    /// Creates a request for a stream with the default configuration and no tracker.
    ///
    /// [`StreamTracker::request`] creates one with a tracker.
    #[cfg(feature = "tokio")]
    pub fn new<B>(request: &http::Request<B>) -> Self {
        Self::from_head(
            request.method(),
            request.version(),
            request.headers(),
            request.uri(),
            None,
        )
    }

    pub(crate) fn from_head(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        uri: &Uri,
        tracker: Option<StreamTracker>,
    ) -> Self {
        Self {
            head: RequestHead::new(method, version, headers),
            last_event_id: last_event_id(headers),
            uri: uri.clone(),
            tracker,
        }
    }

    /// Returns the ID of the last event that the client saw, from the `Last-Event-ID` header.
    ///
    /// `T` is the type that the server makes its IDs from: a number, your own type, or [`EventId`] for any text.
    /// Returns `None` if the client saw no event with an ID, or if the ID cannot be parsed. Such an ID may be from an
    /// older version of the server, and any status but 200 ends a browser's `EventSource` for good.
    pub fn last_event_id<T: FromStr<Err: fmt::Display>>(&self) -> Option<T> {
        self.try_last_event_id().ok().flatten()
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
        match &self.last_event_id {
            Ok(id) => parse_event_id(id.as_ref()),
            Err(error) => Err(error.clone()),
        }
    }

    /// Returns the ID of the last event that the client saw, from the header or from the query parameter `name`.
    ///
    /// The parameter is read only if there is no header, or an empty one. Use it for clients that cannot set the
    /// header, such as a script that creates a new `EventSource`. Anyone who makes a link can set the parameter.
    /// Returns `None` for the same IDs as [`last_event_id`](Self::last_event_id).
    pub fn last_event_id_or_query<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Option<T> {
        match &self.last_event_id {
            Ok(None) => {
                let id = last_event_id_in_query(&self.uri, name).ok().flatten();
                parse_event_id(id.as_ref()).ok().flatten()
            }
            _ => self.last_event_id(),
        }
    }

    /// Returns the whole response: status, headers and a body that sends the events.
    ///
    /// Handlers of axum return it as `impl IntoResponse`. `HEAD` gets no stream, and some requests are refused:
    /// [`StreamTracker::respond`] lists them.
    pub fn respond<S: EventStream>(&self, events: S) -> Response<EventBody<S>> {
        let body = match &self.tracker {
            Some(tracker) => tracker.body(events),
            #[cfg(feature = "tokio")]
            None => EventBody::with_default_config(events),
            // Without the feature, only a tracker creates requests.
            #[cfg(not(feature = "tokio"))]
            None => EventBody::new(events),
        };
        self.head.respond(body)
    }
}
