use core::{fmt, future::Future};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, request};
use sse_proto::{EventId, connection::Settings};

use crate::{
    Error, EventSource, Events, Transport,
    template::{Prepare, Template},
    transport::BoxError,
};

/// What an event source asks for, and how.
#[must_use = "it does nothing until it is opened"]
pub struct Builder {
    request: request::Builder,
    body: Bytes,
    prepare: Option<Arc<Prepare>>,
    last_event_id: Option<EventId>,
    settings: Settings,
    transport: Option<Transport>,
    takes_unfinished_event: bool,
}

impl Builder {
    fn new<U>(method: Method, uri: U) -> Self
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
            takes_unfinished_event: false,
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

    /// Goes on behind the event with this ID, which may be as long as the
    /// [settings](Settings::with_max_id_bytes) allow.
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

    /// Takes also the event that the response ends with, without the blank line that ends events: for servers that
    /// leave it out, with [`send`](Self::send). The standard drops it, and without this it is [`Error::Truncated`].
    ///
    /// A response that breaks is still an error, but one that a server cut in order cannot be told from a whole one.
    /// [`open`](Self::open) pays no heed to this: it asks the server again.
    pub fn with_unfinished_event(mut self) -> Self {
        self.takes_unfinished_event = true;
        self
    }

    /// The event source. It connects when it is polled first.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if the URI, a header or the method is not valid, or the last event ID is too long.
    pub fn open(self) -> Result<EventSource, Error> {
        self.source()
    }

    /// Sends the request once, and gives the events of the response: for streams that cannot be taken
    /// up again, such as those of LLM APIs. Of the [settings](Self::with_settings), the timeouts and the
    /// limit hold.
    ///
    /// # Errors
    ///
    /// If there is no response in time, or it is no event stream.
    pub async fn send(mut self) -> Result<Events, Error> {
        self.settings = self.settings.with_standard_statuses();
        let takes_unfinished_event = self.takes_unfinished_event;
        Events::of(self.source()?.once(takes_unfinished_event)).await
    }

    fn source(self) -> Result<EventSource, Error> {
        let request = self.request.body(self.body);
        let request = request.map_err(|error| Error::Request(error.into()))?;
        let template = Template::new(request, self.prepare, self.transport.unwrap_or_default())?;
        EventSource::new(template, self.settings, self.last_event_id)
            .map_err(|error| Error::Request(error.into()))
    }
}

impl EventSource {
    /// Asks for events by `GET`.
    pub fn get<U>(uri: U) -> Builder
    where
        U: TryInto<Uri>,
        U::Error: Into<http::Error>,
    {
        Self::request(Method::GET, uri)
    }

    /// Asks for events by any method.
    pub fn request<U>(method: Method, uri: U) -> Builder
    where
        U: TryInto<Uri>,
        U::Error: Into<http::Error>,
    {
        Builder::new(method, uri)
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
