use core::{fmt, future::Future, time::Duration};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, request};
use sse_proto::{EventId, connection::Settings};

use crate::{
    Error, EventSource, Events, FailedAttempt, Transport,
    options::Options,
    refusal::RefusalLimits,
    template::{Prepare, Template},
    transport::BoxError,
    uri::{self, InvalidUri},
};

/// What an event source asks for, and how.
#[must_use = "it does nothing until it is opened"]
pub struct Builder {
    request: request::Builder,
    uri: Result<Uri, InvalidUri>,
    body: Bytes,
    prepare: Option<Arc<Prepare>>,
    repeats_unsafe_methods: bool,
    last_event_id: Option<EventId>,
    settings: Settings,
    options: Options,
    transport: Option<Transport>,
}

impl Builder {
    fn new<U>(method: Method, uri: U) -> Self
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        Self {
            request: Request::builder().method(method),
            uri: uri::parse(uri),
            body: Bytes::new(),
            prepare: None,
            repeats_unsafe_methods: false,
            last_event_id: None,
            settings: Settings::default(),
            options: Options::default(),
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

    /// Calls this closure with each request before it is sent, the first and those that reconnect, and sends what
    /// it returns: for a token that expires, for example, or a body that tells where to go on.
    ///
    /// An error is a failed attempt ([`Reason::Preparation`](crate::Reason::Preparation)), and another one follows
    /// after a delay. With [`send`](Self::send), or if the [policy](Self::with_retry_policy) says so, it is
    /// [`Error::Request`].
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

    /// Has [`open`](Self::open) send the request again after each end also if its method is not safe
    /// ([RFC 9110, 9.2.1](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1)): a POST, for example.
    ///
    /// Without it, a request with another method than GET, HEAD, OPTIONS or TRACE is sent once: a repeated one may
    /// mean another order, or an answer that is paid for twice. The source then ends with the response, or with the
    /// error that broke it.
    pub fn with_repetition(mut self) -> Self {
        self.repeats_unsafe_methods = true;
        self
    }

    /// Decides by this closure whether another attempt follows a failed one or the end of a stream. It replaces the
    /// [default](FailedAttempt::is_retried_by_default); how long the delay is, is not its decision.
    ///
    /// If it returns `false`, the source ends: with [`Error::Refused`] for a response that is not an event stream,
    /// without an error for [`Reason::End`](crate::Reason::End), and otherwise with the error of the attempt. It is
    /// not called for requests that are sent once.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use sse_source::EventSource;
    ///
    /// # fn main() -> Result<(), sse_source::Error> {
    /// let source = EventSource::get("http://127.0.0.1:8080/events")
    ///     .with_retry_policy(|failed| {
    ///         // The token of the next request is a new one.
    ///         let is_temporary = failed.is_retried_by_default
    ///             || failed.status().is_some_and(|status| status == 401);
    ///         is_temporary && failed.attempt < 10 && failed.elapsed < Duration::from_secs(600)
    ///     })
    ///     .open()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_retry_policy(
        mut self,
        policy: impl Fn(&FailedAttempt<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options.retry_policy = Some(Arc::new(policy));
        self
    }

    /// Sets how much is read of the body of a response that is not an event stream, in bytes, and for how long. The
    /// defaults are 64 KiB and 5 s.
    ///
    /// [`Refused::body`](crate::Refused::body) has the bytes read by then, after an error and between attempts.
    pub fn with_refusal_limits(mut self, max_body_bytes: usize, timeout: Duration) -> Self {
        self.options.refusal_limits = RefusalLimits {
            max_body_bytes,
            timeout,
        };
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
    /// [`open`](Self::open) ignores this: it asks the server again.
    pub fn with_unfinished_event(mut self) -> Self {
        self.options.takes_unfinished_event = true;
        self
    }

    /// Takes a response as an event stream also if it has no `Content-Type`, or another status of success than 200:
    /// for servers that are sloppy, with [`send`](Self::send). The standard, and so the default, takes neither.
    ///
    /// A response with another `Content-Type`, and one without content (204, 205), is still
    /// [refused](Error::Refused). [`open`](Self::open) ignores this.
    pub fn with_lenient_response(mut self) -> Self {
        self.options.takes_lenient_response = true;
        self
    }

    /// Returns the event source. It connects when it is polled first.
    ///
    /// A request whose method is not safe is sent once, unless [`with_repetition`](Self::with_repetition) is used.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if the URI, a header or the method is not valid, or the last event ID is too long.
    pub fn open(mut self) -> Result<EventSource, Error> {
        self.options.takes_unfinished_event = false;
        self.options.takes_lenient_response = false;
        self.source(false)
    }

    /// Sends the request once, and returns the events of the response: for streams that cannot be taken
    /// up again, such as those of LLM APIs. Of the [settings](Self::with_settings), the timeouts and the
    /// limits hold.
    ///
    /// The head of the response may take as long as it does, because many servers send it with the first event
    /// ([`Settings::with_head_timeout`] limits it).
    ///
    /// # Errors
    ///
    /// If there is no response, or none in time, or it is not an event stream.
    pub async fn send(self) -> Result<Events, Error> {
        Events::of(self.source(true)?).await
    }

    fn source(mut self, is_once: bool) -> Result<EventSource, Error> {
        let uri = self.uri.map_err(|error| Error::Request(error.into()))?;
        let request = self.request.uri(uri).body(self.body);
        let request = request.map_err(|error| Error::Request(error.into()))?;
        let transport = self.transport.unwrap_or_default();
        let template = Template::new(
            request,
            self.prepare,
            self.repeats_unsafe_methods,
            transport,
        )?;
        self.options.is_once = is_once || !template.is_repeatable();
        if self.options.is_once {
            self.settings = self.settings.for_one_request();
        }
        EventSource::new(template, self.settings, self.options, self.last_event_id)
            .map_err(|error| Error::Request(error.into()))
    }
}

impl EventSource {
    /// Asks for events by `GET`.
    pub fn get<U>(uri: U) -> Builder
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        Self::request(Method::GET, uri)
    }

    /// Asks for events by any method.
    pub fn request<U>(method: Method, uri: U) -> Builder
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        Builder::new(method, uri)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            // Neither the URI nor the headers: both may hold credentials.
            .field("method", &self.request.method_ref())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
