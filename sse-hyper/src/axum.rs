//! What lets handlers of axum take and return the types of this crate.

use core::{fmt, str::FromStr};

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{EventBody, EventStream, InvalidLastEventId, last_event_id, parse_event_id};

/// The same as [`EventBody::into_response`]. Where the request may ask for what is no event stream,
/// [`respond`](crate::respond) looks at it first.
impl<S: EventStream + Send + 'static> IntoResponse for EventBody<S> {
    fn into_response(self) -> Response {
        Self::into_response(self).map(Body::new)
    }
}

/// `400 Bad Request`, and what is wrong as text.
impl IntoResponse for InvalidLastEventId {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, self.to_string()).into_response()
    }
}

/// An extractor of axum: the ID of the last event that the client saw, from the `Last-Event-ID`
/// header, as what the server makes its IDs from. What cannot be one is answered with 400.
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
    /// `None` if the client saw no event that had one.
    pub Option<T>,
);

impl<T, C> FromRequestParts<C> for LastEventId<T>
where
    T: FromStr<Err: fmt::Display>,
    C: Sync,
{
    type Rejection = InvalidLastEventId;

    async fn from_request_parts(parts: &mut Parts, _: &C) -> Result<Self, InvalidLastEventId> {
        let id = last_event_id(&parts.headers)?;
        parse_event_id(id.as_ref()).map(Self)
    }
}
