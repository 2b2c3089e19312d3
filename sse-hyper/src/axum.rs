//! Integration with axum: extractors, and a response for handlers.

use core::{convert::Infallible, fmt, str::FromStr};

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;

use crate::{
    EventBody, EventStream, EventStreamRequest, StreamTracker, last_event_id, parse_event_id,
};

/// Converts like [`EventBody::into_response`]. Use an [`EventStreamRequest`] to check the request first.
impl<S: EventStream + Send + 'static> IntoResponse for EventBody<S> {
    fn into_response(self) -> Response {
        Self::into_response(self).map(Body::new)
    }
}

/// Extracts the request with the [`StreamTracker`] of the router, if the router has one as an `Extension`.
///
/// It never rejects a request. [`respond`](EventStreamRequest::respond) refuses a request that cannot get a stream.
impl<C: Sync> FromRequestParts<C> for EventStreamRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &C) -> Result<Self, Infallible> {
        Ok(Self::from_head(
            &parts.method,
            parts.version,
            &parts.headers,
            &parts.uri,
            parts.extensions.get::<StreamTracker>().cloned(),
        ))
    }
}

/// Extractor of axum for the ID of the last event that the client saw, from the `Last-Event-ID` header.
///
/// [`EventStreamRequest`] has this ID too, so a handler seldom needs both. The ID is parsed as the type that the
/// server makes its IDs from. An ID that cannot be parsed becomes `None`: it may be from an older version of the
/// server, and any status but 200 ends a browser's `EventSource` for good.
///
/// ```
/// use sse_hyper::LastEventId;
///
/// async fn seen(LastEventId(seen): LastEventId<u64>) -> String {
///     format!("you have seen {seen:?}")
/// }
/// # let _: axum::Router = axum::Router::new().route("/seen", axum::routing::get(seen));
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
