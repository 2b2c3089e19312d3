//! What lets handlers of axum take and return the types of this crate.

use core::{convert::Infallible, fmt, str::FromStr};

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;

use crate::{EventBody, EventStream, last_event_id, parse_event_id};

/// The same as [`EventBody::into_response`]. Where the request may ask for what is no event stream,
/// [`respond`](crate::respond) looks at it first.
impl<S: EventStream + Send + 'static> IntoResponse for EventBody<S> {
    fn into_response(self) -> Response {
        Self::into_response(self).map(Body::new)
    }
}

/// Extractor for axum: the ID of the last event that the client saw, from the `Last-Event-ID` header, parsed
/// as the type that the server makes its IDs from.
///
/// An ID that cannot be parsed counts as none. It may be from an older version of the server, and any status
/// but 200 ends a browser's `EventSource` for good. A handler that treats such an ID in another way takes the
/// text, by `LastEventId<EventId>` or [`last_event_id`], and calls [`parse_event_id`].
///
/// ```
/// use axum::{extract::State, response::IntoResponse};
/// use futures_util::stream;
/// use sse_hyper::{Event, EventId, LastEventId, Streams};
///
/// async fn count(
///     State(streams): State<Streams>,
///     LastEventId(seen): LastEventId<u64>,
/// ) -> impl IntoResponse {
///     let next = seen.map_or(1, |n| n.saturating_add(1));
///     let events = (next..=u64::MAX).map(|n| Event::new(n.to_string()).with_id(EventId::from(n)));
///     streams.body(stream::iter(events))
/// }
/// # let _: axum::Router = axum::Router::new()
/// #     .route("/count", axum::routing::get(count))
/// #     .with_state(Streams::default());
/// ```
#[allow(clippy::exhaustive_structs, reason = "handlers take it apart")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEventId<T>(
    /// The ID; `None` if the client saw no event with one, or if it cannot be parsed.
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
