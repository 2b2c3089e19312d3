use core::pin::Pin;

use bytes::Bytes;
use http::Response;
use tokio::time::Duration;
use tower::ServiceExt;

use crate::{
    refusal::Refusal,
    route::Route,
    template::Template,
    transport::{Body, BoxError, BoxFuture},
};

/// Current attempt: a request, a stream, or a refused response. Dropping it ends it.
pub(crate) enum Attempt {
    None,
    Request(BoxFuture<Result<Response<Body>, Failure>>),
    Stream {
        body: Pin<Box<Body>>,
        /// Bytes of the frame after the chunk.
        rest: Bytes,
        chunk: Bytes,
        /// Number of bytes of the chunk that were decoded.
        taken: usize,
        /// Time when the chunk arrived.
        came: Duration,
    },
    Refusal(Pin<Box<Refusal>>),
}

/// DisconnectReason why an attempt has no response.
pub(crate) enum Failure {
    /// The caller's preparation failed. Another attempt may succeed.
    Preparation(BoxError),
    /// No attempt can send this request.
    Request(BoxError),
    Network(BoxError),
}

impl Attempt {
    pub(crate) fn connect(template: Template, last_event_id: &str, route: &Route) -> Self {
        let (last_event_id, route) = (last_event_id.to_owned(), route.clone());
        Self::Request(Box::pin(async move {
            let transport = template.transport.clone();
            let mut request = template.make(last_event_id).await?;
            request.extensions_mut().insert(route);
            transport.oneshot(request).await.map_err(Failure::Network)
        }))
    }

    pub(crate) fn stream(body: Body, now: Duration) -> Self {
        Self::Stream {
            body: Box::pin(body),
            rest: Bytes::new(),
            chunk: Bytes::new(),
            taken: 0,
            came: now,
        }
    }
}
