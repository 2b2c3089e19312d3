use core::{fmt, future::Future, time::Duration};
use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
    request,
};
use sse_proto::{
    EventId,
    client::{ClientConfig, DisconnectReason},
};

use crate::{
    Error, EventSource, Events, Transport, UnexpectedResponse,
    request::{InvalidUri, MapRequest, RequestTemplate, parse_uri},
    response::ErrorBodyLimits,
    transport::BoxError,
};

/// Builder for an [`EventSource`], or for the [`Events`] of one response.
#[must_use = "a builder does nothing until it is opened or sent"]
pub struct Builder {
    pub(crate) request: request::Builder,
    uri: Result<Uri, InvalidUri>,
    body: Bytes,
    /// `Content-Type` of the body, unless the caller sets the header.
    content_type: Option<HeaderValue>,
    /// Error of a setter.
    error: Option<BoxError>,
    map_request: Option<Arc<MapRequest>>,
    resends_unsafe_methods: bool,
    last_event_id: Option<EventId>,
    config: ClientConfig,
    options: Options,
    transport: Option<Transport>,
}

impl Builder {
    pub(crate) fn new<U>(method: Method, uri: U) -> Self
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        Self {
            request: Request::builder().method(method),
            uri: parse_uri(uri),
            body: Bytes::new(),
            content_type: None,
            error: None,
            map_request: None,
            resends_unsafe_methods: false,
            last_event_id: None,
            config: ClientConfig::default(),
            options: Options::default(),
            transport: None,
        }
    }

    /// Adds a header to each request.
    ///
    /// `Accept: text/event-stream` and `Cache-Control: no-cache` are sent by default. A header of the same name
    /// replaces them.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        N::Error: Into<http::Error>,
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        self.request = self.request.header(name, value);
        self
    }

    /// Adds the header `Authorization: Bearer <token>` to each request. `Debug` does not show it.
    ///
    /// The token stays the same for all attempts. [`map_request`](Self::map_request) can set a fresh one for each.
    ///
    /// A token with characters that a header cannot hold is an [`Error::Request`] of [`build`](Self::build) and
    /// [`send`](Self::send).
    pub fn bearer_auth(mut self, token: impl fmt::Display) -> Self {
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.header(AUTHORIZATION, value)
            }
            Err(error) => {
                self.error.get_or_insert(error.into());
                self
            }
        }
    }

    /// Sets the body of each request.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body of each request to this value as JSON, with `Content-Type: application/json` unless that header
    /// is set.
    ///
    /// A value that cannot be serialized is an [`Error::Request`] of [`build`](Self::build) and [`send`](Self::send).
    ///
    /// ```no_run
    /// use http::Method;
    /// use serde_json::json;
    /// use sse_source::EventSource;
    ///
    /// # async fn example() -> Result<(), sse_source::Error> {
    /// let events = EventSource::request(Method::POST, "https://llm.example/v1/chat/completions")
    ///     .bearer_auth("secret")
    ///     .json(&json!({ "stream": true, "messages": [{ "role": "user", "content": "Hello" }] }))
    ///     .send()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = body.into(),
            Err(error) => _ = self.error.get_or_insert(error.into()),
        }
        self.content_type = Some(HeaderValue::from_static("application/json"));
        self
    }

    /// Sets a closure that changes each request before it is sent, the first one and those that reconnect.
    ///
    /// Use it for a token that expires, or for a body that says where to continue.
    ///
    /// If the closure returns an error, the attempt has failed ([`DisconnectReason::Preparation`]), and another one
    /// follows after a delay. The error is [`Error::Request`] if no other attempt follows: with [`send`](Self::send),
    /// or by the [policy](Self::retry_policy).
    ///
    /// ```no_run
    /// use http::{HeaderValue, Request, header::AUTHORIZATION};
    /// use sse_source::{BoxError, EventSource};
    ///
    /// # async fn fresh_token() -> Result<String, BoxError> { Ok(String::new()) }
    /// # fn main() -> Result<(), BoxError> {
    /// let source = EventSource::get("https://api.example/events")
    ///     .map_request(async |mut request: Request<_>| {
    ///         let mut token = HeaderValue::try_from(format!("Bearer {}", fresh_token().await?))?;
    ///         token.set_sensitive(true);
    ///         request.headers_mut().insert(AUTHORIZATION, token);
    ///         Ok(request)
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_request<F>(
        mut self,
        map: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Request<Bytes>, BoxError>> + Send + 'static,
    {
        self.map_request = Some(Arc::new(move |request| Box::pin(map(request))));
        self
    }

    /// Resumes after the event with this ID. [`ClientConfig::max_id_bytes`] limits its length: 8 KiB by default.
    pub fn last_event_id(mut self, id: EventId) -> Self {
        self.last_event_id = Some(id);
        self
    }

    /// Sets whether [`build`](Self::build) sends a request again whose method is not safe
    /// ([RFC 9110, 9.2.1](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1)), for example a POST. The default is
    /// `false`.
    ///
    /// By default, a request with another method than GET, HEAD, OPTIONS or TRACE is sent once, because to send it
    /// again may order twice, or pay for an answer twice. The source ends with the response, or with the error that
    /// broke it.
    pub fn resend(mut self, enabled: bool) -> Self {
        self.resends_unsafe_methods = enabled;
        self
    }

    /// Sets a closure that decides whether another attempt follows a failed one or the end of a stream.
    ///
    /// It replaces the [default](FailedAttempt::is_retried_by_default). It does not change the delay. It is not called
    /// for requests that are sent once, unless [`max_retries`](Self::max_retries) allows retries.
    ///
    /// If it returns `false`, the source ends:
    ///
    /// - with [`Error::UnexpectedResponse`] for a response that is not an event stream,
    /// - without an error for [`DisconnectReason::EndOfStream`],
    /// - with the error of the attempt in all other cases.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use sse_source::EventSource;
    ///
    /// # fn main() -> Result<(), sse_source::Error> {
    /// let source = EventSource::get("http://127.0.0.1:8080/events")
    ///     .retry_policy(|failed| {
    ///         // The next request has a new token.
    ///         let is_temporary = failed.is_retried_by_default
    ///             || failed.status().is_some_and(|status| status == 401);
    ///         is_temporary && failed.attempt < 10 && failed.elapsed < Duration::from_secs(600)
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry_policy(
        mut self,
        policy: impl Fn(&FailedAttempt<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options.retry_policy = Some(Arc::new(policy));
        self
    }

    /// Sets how often [`send`](Self::send) repeats a request that fails before the first event. The default is 0.
    ///
    /// The request is repeated after network errors, timeouts, streams that break off, and the statuses 408, 425, 429
    /// and 5xx, or as the [policy](Self::retry_policy) decides. The delays are those of the
    /// [configuration](Self::config), and `Retry-After` is respected. After the first event, an error ends the stream.
    ///
    /// A request whose method is not safe is repeated, too: for example, a POST to an LLM API that is overloaded.
    /// [`ClientConfig::head_timeout`] is five minutes by default if there are retries.
    ///
    /// [`build`](Self::build) ignores this option: its source reconnects until the [policy](Self::retry_policy) ends
    /// it.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.options.max_retries = retries;
        self
    }

    /// Sets the limits for reading the body of a response that is not an event stream. The defaults are 64 KiB and 5 s.
    ///
    /// [`UnexpectedResponse::body`](crate::UnexpectedResponse::body) has the bytes that arrived within these limits, in
    /// [`Error::UnexpectedResponse`] and in [`Item::Disconnected`](crate::Item::Disconnected).
    pub fn error_body_limits(mut self, max_body_bytes: usize, timeout: Duration) -> Self {
        self.options.error_body_limits = ErrorBodyLimits {
            max_body_bytes,
            timeout,
        };
        self
    }

    /// Sets the delays, the timeouts and the size limits.
    pub fn config(mut self, config: ClientConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets the transport that sends the requests. Clones of it share connections.
    ///
    /// By default, each source has its own [`Transport::new`].
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Sets whether an event at the end of the response is dispatched without its blank line, for servers that leave
    /// that line out. The default is `false`.
    ///
    /// By default, as in the standard, such an event is dropped. The error is then [`Error::Truncated`].
    ///
    /// A response that breaks is still an error. But if the server cuts a response and ends it properly, it looks
    /// complete. Only [`send`](Self::send) uses this option: [`build`](Self::build) asks the server again.
    pub fn dispatch_unfinished_event(mut self, enabled: bool) -> Self {
        self.options.dispatch_unfinished_event = enabled;
        self
    }

    /// Sets whether a response without `Content-Type`, or with a success status other than 200, is accepted as an
    /// event stream. The default is `false`.
    ///
    /// By default, as in the standard, such a response is an [error](Error::UnexpectedResponse). A response with another
    /// `Content-Type`, or without content (204, 205), is always an error. Only [`send`](Self::send) uses this option.
    pub fn lenient_response(mut self, enabled: bool) -> Self {
        self.options.lenient_response = enabled;
        self
    }

    /// Returns the event source. It connects when it is polled for the first time.
    ///
    /// A request whose method is not safe is sent once, unless [`resend`](Self::resend) is used.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Request`] if the URI, a header, the body or the method is not valid, or if the last event ID is
    /// too long. The error is the same if the transport cannot send requests to the URI.
    pub fn build(mut self) -> Result<EventSource, Error> {
        self.options.dispatch_unfinished_event = false;
        self.options.lenient_response = false;
        self.options.max_retries = 0;
        self.source(false)
    }

    /// Sends the request once, and returns the events of the response.
    ///
    /// Use it for streams that cannot be resumed, for example those of LLM APIs. The timeouts and the limits of the
    /// [configuration](Self::config) apply. To cancel, drop the future or the stream.
    ///
    /// The head of the response has no time limit by default, because many servers send it with the first event.
    /// [`ClientConfig::head_timeout`] sets a limit.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Request`] if the request is not valid, [`Error::UnexpectedResponse`] with status, headers and
    /// body if the response is not an event stream, and another error if there is no response in time.
    pub async fn send(self) -> Result<Events, Error> {
        Events::connect(self.source(true)?).await
    }

    fn source(mut self, is_sent_once: bool) -> Result<EventSource, Error> {
        if let Some(error) = self.error {
            return Err(Error::Request(error));
        }
        let uri = self.uri.map_err(|error| Error::Request(error.into()))?;
        let request = self.request.uri(uri).body(self.body);
        let mut request = request.map_err(|error| Error::Request(error.into()))?;
        if let Some(content_type) = self.content_type {
            let header = request.headers_mut().entry(CONTENT_TYPE);
            header.or_insert(content_type);
        }
        let template = RequestTemplate::new(
            request,
            self.map_request,
            self.resends_unsafe_methods || self.options.max_retries > 0,
            self.transport.unwrap_or_default(),
        )?;
        self.options.is_once = is_sent_once || !template.is_repeatable();
        if self.options.is_once && self.options.max_retries == 0 {
            self.config = self.config.one_shot();
        }
        EventSource::new(template, self.config, self.options, self.last_event_id)
            .map_err(|error| Error::Request(error.into()))
    }
}

impl EventSource {
    /// Returns a builder for a source that sends `GET` requests.
    pub fn get<U>(uri: U) -> Builder
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        Self::request(Method::GET, uri)
    }

    /// Returns a builder for a source that sends requests with any method.
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
            // The URI and the headers are left out, because both may hold credentials.
            .field("method", &self.request.method_ref())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Closure that returns whether another attempt follows a failed one.
pub(crate) type RetryPolicy = Arc<dyn Fn(&FailedAttempt<'_>) -> bool + Send + Sync>;

/// Attempt that got no stream, or whose stream ended: the input of [`Builder::retry_policy`].
#[non_exhaustive]
pub struct FailedAttempt<'a> {
    /// Reason of the failure. It is [`DisconnectReason::EndOfStream`] if the server ended the stream properly.
    pub reason: DisconnectReason,
    /// Response that is not an event stream, if there was one.
    pub response: Option<&'a UnexpectedResponse>,
    /// Error of the network or of [`map_request`](Builder::map_request), if there was one.
    pub error: Option<&'a BoxError>,
    /// Number of consecutive failed attempts, including this one. It is 1 after a stream with events.
    pub attempt: u32,
    /// Time since the first of them failed.
    pub elapsed: Duration,
    /// Decision without a policy.
    ///
    /// It is `false` for a response that is not an event stream. The exceptions are the statuses 408, 425, 429 and 5xx,
    /// and a response that refuses the last event ID. It is also `false` after 10 consecutive responses that are not HTTP.
    /// Otherwise it is `true`.
    pub is_retried_by_default: bool,
}

impl FailedAttempt<'_> {
    /// Returns the status of the response that is not an event stream, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.response.map(|response| response.status)
    }
}

impl fmt::Debug for FailedAttempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedAttempt")
            .field("reason", &self.reason)
            .field("attempt", &self.attempt)
            .field("elapsed", &self.elapsed)
            .field("is_retried_by_default", &self.is_retried_by_default)
            .finish_non_exhaustive()
    }
}

/// Options of an event source that are not part of its requests or its config.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// Ends the source after the first disconnection, or after `max_retries`.
    pub(crate) is_once: bool,
    /// Number of retries that are left for a request that is sent once. After its first event, it is 0.
    pub(crate) max_retries: u32,
    /// Dispatches an event at the end of the response without its blank line.
    pub(crate) dispatch_unfinished_event: bool,
    /// Accepts a response without `Content-Type`, or with a success status other than 200.
    pub(crate) lenient_response: bool,
    pub(crate) error_body_limits: ErrorBodyLimits,
    pub(crate) retry_policy: Option<RetryPolicy>,
}
