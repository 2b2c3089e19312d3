//! Integration with axum: a response for handlers and an extractor.

use core::{convert::Infallible, fmt, str::FromStr};

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;

use crate::{EventBody, EventStream, last_event_id, parse_event_id};

/// Converts like [`EventBody::into_response`]. Use [`respond`](crate::respond) to check the request first.
impl<S: EventStream + Send + 'static> IntoResponse for EventBody<S> {
    fn into_response(self) -> Response {
        Self::into_response(self).map(Body::new)
    }
}

/// Extractor of axum for the ID of the last event that the client saw, from the `Last-Event-ID` header.
///
/// The ID is parsed as the type that the server makes its IDs from. An ID that cannot be parsed becomes `None`: it
/// may be from an older version of the server, and any status but 200 ends a browser's `EventSource` for good. To
/// handle such an ID yourself, extract `LastEventId<EventId>` or call [`last_event_id`], then call
/// [`parse_event_id`].
///
/// ```
/// use axum::{extract::State, response::IntoResponse};
/// use futures_util::stream;
/// use sse_hyper::{Event, EventId, LastEventId, StreamTracker};
///
/// async fn count(
///     State(streams): State<StreamTracker>,
///     LastEventId(seen): LastEventId<u64>,
/// ) -> impl IntoResponse {
///     let next = seen.map_or(1, |n| n.saturating_add(1));
///     let events = (next..=u64::MAX).map(|n| Event::new(n.to_string()).with_id(EventId::from(n)));
///     streams.body(stream::iter(events))
/// }
/// # let _: axum::Router = axum::Router::new()
/// #     .route("/count", axum::routing::get(count))
/// #     .with_state(StreamTracker::default());
/// ```
#[allow(clippy::exhaustive_structs, reason = "handlers destructure it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEventId<T>(
    /// The ID, or `None` if the client saw no event with an ID, or if the ID cannot be parsed.
    pub Option<T>,
);

impl<T, C> FromRequestParts<C> for LastEventId<T>
where
    T: FromStr<Err: fmt::Display>,
    C: Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &C) -> Result<Self, Infallible> {
        let id = last_event_id(&parts.headers);
        let parsed = id.and_then(|id| parse_event_id(id.as_ref()));
        Ok(Self(parsed.ok().flatten()))
    }
}
