//! The request of each attempt.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderValue, Request,
    header::{ACCEPT, CACHE_CONTROL},
};
use http_body_util::Full;

use crate::{
    Error, Transport,
    transport::{BoxError, BoxFuture},
};

/// What the caller does to each request before it is sent.
pub(crate) type Prepare =
    dyn Fn(Request<Bytes>) -> BoxFuture<Result<Request<Bytes>, BoxError>> + Send + Sync;

/// Makes the request of each attempt.
#[derive(Clone)]
pub(crate) struct Template {
    request: Request<Bytes>,
    prepare: Option<Arc<Prepare>>,
    pub(crate) transport: Transport,
}

impl Template {
    pub(crate) fn new(
        mut request: Request<Bytes>,
        prepare: Option<Arc<Prepare>>,
        transport: Transport,
    ) -> Result<Self, Error> {
        for (name, value) in [(ACCEPT, "text/event-stream"), (CACHE_CONTROL, "no-cache")] {
            let value = HeaderValue::from_static(value);
            request.headers_mut().entry(name).or_insert(value);
        }
        // Otherwise it may get another one.
        if prepare.is_none() {
            transport.check(request.uri()).map_err(Error::Request)?;
        }
        Ok(Self {
            request,
            prepare,
            transport,
        })
    }

    /// The request of one attempt.
    pub(crate) async fn make(
        self,
        last_event_id: String,
    ) -> Result<Request<Full<Bytes>>, BoxError> {
        let mut request = self.request;
        if !last_event_id.is_empty() {
            // "Encoded as UTF-8". What a header cannot hold, an ID from a stream can: then the server
            // is asked from the start.
            if let Ok(value) = HeaderValue::from_bytes(last_event_id.as_bytes()) {
                request.headers_mut().insert("last-event-id", value);
            }
        }
        if let Some(prepare) = &self.prepare {
            request = prepare(request).await?;
            self.transport.check(request.uri())?;
        }
        Ok(request.map(Full::new))
    }
}
