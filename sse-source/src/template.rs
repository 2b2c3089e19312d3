//! Template for the request of each attempt.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderValue, Request,
    header::{ACCEPT, CACHE_CONTROL},
};
use http_body_util::Full;

use crate::{
    Error, Transport,
    attempt::Failure,
    credentials,
    transport::{BoxError, BoxFuture},
};

/// Closure of the caller that changes each request before it is sent.
pub(crate) type Prepare =
    dyn Fn(Request<Bytes>) -> BoxFuture<Result<Request<Bytes>, BoxError>> + Send + Sync;

/// Template that makes the request of each attempt.
#[derive(Clone)]
pub(crate) struct Template {
    request: Request<Bytes>,
    prepare: Option<Arc<Prepare>>,
    repeats_unsafe_methods: bool,
    /// Set if a request was sent before and the caller did not ask for this one.
    pub(crate) is_repetition: bool,
    pub(crate) transport: Transport,
}

impl Template {
    pub(crate) fn new(
        mut request: Request<Bytes>,
        prepare: Option<Arc<Prepare>>,
        repeats_unsafe_methods: bool,
        transport: Transport,
    ) -> Result<Self, Error> {
        credentials::move_to_header(&mut request);
        for (name, value) in [(ACCEPT, "text/event-stream"), (CACHE_CONTROL, "no-cache")] {
            let value = HeaderValue::from_static(value);
            request.headers_mut().entry(name).or_insert(value);
        }
        // The preparation may set another URI, which is then checked in `make`.
        if prepare.is_none() {
            transport.check(request.uri()).map_err(Error::Request)?;
        }
        Ok(Self {
            request,
            prepare,
            repeats_unsafe_methods,
            is_repetition: false,
            transport,
        })
    }

    /// Returns whether the method is safe to repeat, or the caller allowed the repetition.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.repeats_unsafe_methods || self.request.method().is_safe()
    }

    /// Returns the request of one attempt.
    pub(crate) async fn make(
        mut self,
        last_event_id: String,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let request = &mut self.request;
        if !last_event_id.is_empty() {
            // "Encoded as UTF-8". An ID from a stream may have characters that a header cannot hold. The request is
            // then sent without the ID, so the server starts from the beginning.
            if let Ok(value) = HeaderValue::from_bytes(last_event_id.as_bytes()) {
                request.headers_mut().insert("last-event-id", value);
            }
        }
        if let Some(prepare) = &self.prepare {
            let prepared = prepare(self.request).await;
            self.request = prepared.map_err(Failure::Preparation)?;
            credentials::move_to_header(&mut self.request);
            let check = self.transport.check(self.request.uri());
            check.map_err(Failure::Request)?;
        }
        if self.is_repetition && !self.is_repeatable() {
            let method = self.request.method();
            let reason = format!("{method} request is not repeated without `resend`");
            return Err(Failure::Request(reason.into()));
        }
        Ok(self.request.map(Full::new))
    }
}
