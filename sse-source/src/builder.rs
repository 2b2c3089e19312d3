use core::{fmt, future::Future};
use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CACHE_CONTROL},
    request,
};
use http_body_util::Full;
use sse_proto::{EventId, connection::Settings};

use crate::{
    Error, EventSource, Events, Transport,
    transport::{BoxError, BoxFuture},
};

type Prepare = dyn Fn(Request<Bytes>) -> BoxFuture<Result<Request<Bytes>, BoxError>> + Send + Sync;

/// What an event source asks for, and how.
#[must_use = "it does nothing until it is opened"]
pub struct Builder {
    request: request::Builder,
    body: Bytes,
    prepare: Option<Arc<Prepare>>,
    pub(crate) last_event_id: Option<EventId>,
    pub(crate) settings: Settings,
    transport: Option<Transport>,
}

/// Makes the request of each attempt.
#[derive(Clone)]
pub(crate) struct Template {
    request: Request<Bytes>,
    prepare: Option<Arc<Prepare>>,
    pub(crate) transport: Transport,
}

impl Builder {
    pub(crate) fn new<U>(method: Method, uri: U) -> Self
    where
        U: TryInto<Uri>,
        U::Error: Into<http::Error>,
    {
        Self {
            request: Request::builder().method(method).uri(uri),
            body: Bytes::new(),
            prepare: None,
            last_event_id: None,
            settings: Settings::default(),
            transport: None,
        }
    }

    /// Adds a header to each request. `Accept: text/event-stream` and `Cache-Control: no-cache` are there
    /// unless they are set.
    pub fn with_header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        N::Error: Into<http::Error>,
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        self.request = self.request.header(name, value);
        self
    }

    /// Sets the body of each request.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Has the last word on each request before it is sent, the first and those that reconnect: for a
    /// token that expires, say, or a body that tells where to go on. An error is the end.
    pub fn with_preparation<F>(
        mut self,
        prepare: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Request<Bytes>, BoxError>> + Send + 'static,
    {
        self.prepare = Some(Arc::new(move |request| Box::pin(prepare(request))));
        self
    }

    /// Goes on behind the event with this ID.
    pub fn with_last_event_id(mut self, id: EventId) -> Self {
        self.last_event_id = Some(id);
        self
    }

    /// Sets how it waits and when it gives up.
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sends requests by this transport, which can be shared, in place of one of its own.
    pub fn with_transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The event source. It connects when it is polled first.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if the URI, a header or the method is not valid.
    pub fn open(self) -> Result<EventSource, Error> {
        EventSource::new(self)
    }

    /// Sends the request once, and gives the events of the response: for streams that cannot be taken
    /// up again, such as those of LLM APIs. Of the [settings](Self::with_settings), the timeouts and the
    /// limit hold.
    ///
    /// # Errors
    ///
    /// If there is no response in time, or it is no event stream.
    pub async fn send(self) -> Result<Events, Error> {
        Events::send(self).await
    }

    pub(crate) fn template(&mut self) -> Result<Template, Error> {
        let request = core::mem::take(&mut self.request);
        let request = request.body(self.body.clone());
        let mut request = request.map_err(|error| Error::Request(error.into()))?;
        for (name, value) in [(ACCEPT, "text/event-stream"), (CACHE_CONTROL, "no-cache")] {
            let value = HeaderValue::from_static(value);
            request.headers_mut().entry(name).or_insert(value);
        }
        let transport = self.transport.take().unwrap_or_default();
        // Otherwise it may get another one.
        if self.prepare.is_none() {
            transport.check(request.uri()).map_err(Error::Request)?;
        }
        Ok(Template {
            request,
            prepare: self.prepare.clone(),
            transport,
        })
    }
}

impl Template {
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

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("request", &self.request)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
