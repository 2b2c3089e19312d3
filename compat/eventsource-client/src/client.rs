//! Client and its builder.

use std::{pin::Pin, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_core::Stream;
use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL},
};
use launchdarkly_sdk_transport::HttpTransport;
use tokio::sync::watch;

use crate::{
    DEFAULT_REDIRECT_LIMIT, Error, ReconnectOptions, ReconnectingRequest, Result, SSE,
    request::RequestTemplate,
};

/// Stream that can be sent to, and shared with, other threads.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send + Sync>>;

/// Client that connects to one URL. It is created by [`ClientBuilder::build_with_transport`].
pub trait Client: Send + Sync + private::Sealed {
    /// Returns a stream of the items of the server.
    ///
    /// It connects when it is polled, and reconnects as its [`ReconnectOptions`] say. An error is not its end: the next
    /// item is `None` if the stream has ended.
    fn stream(&self) -> BoxStream<Result<SSE>>;
}

mod private {
    pub trait Sealed {}
}

/// Builder for a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    request: RequestTemplate,
    reconnect_options: ReconnectOptions,
    redirect_limit: u32,
    last_event_id: String,
}

impl ClientBuilder {
    /// Creates a builder for a client that sends GET requests to this URL.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if this is not a URL.
    pub fn for_url(url: &str) -> Result<Self> {
        let headers = [
            (ACCEPT, HeaderValue::from_static("text/event-stream")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        Ok(Self {
            request: RequestTemplate {
                method: "GET".to_owned(),
                url: Uri::try_from(url).map_err(Error::invalid_parameter)?,
                dynamic_url: None,
                headers: HeaderMap::from_iter(headers),
                body: None,
            },
            reconnect_options: ReconnectOptions::default(),
            redirect_limit: DEFAULT_REDIRECT_LIMIT,
            last_event_id: String::new(),
        })
    }

    /// Sets a receiver of URLs. Each attempt is sent to the current one, instead of the URL of the builder.
    #[must_use]
    pub fn dynamic_url(mut self, uri: watch::Receiver<Uri>) -> Self {
        self.request.dynamic_url = Some(uri);
        self
    }

    /// Sets the method. The default is GET. If it is invalid, the first item is an error.
    #[must_use]
    pub fn method(mut self, method: String) -> Self {
        self.request.method = method;
        self
    }

    /// Sets the body. By default, it is empty.
    #[must_use]
    pub fn body(mut self, body: String) -> Self {
        self.request.body = Some(body.into());
        self
    }

    /// Sets the last event ID of the first request. If it cannot be sent, the first item is an error.
    #[must_use]
    pub fn last_event_id(mut self, last_event_id: String) -> Self {
        self.last_event_id = last_event_id;
        self
    }

    /// Sets a header, instead of earlier ones of this name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the name or the value is invalid.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let name = HeaderName::try_from(name).map_err(Error::invalid_parameter)?;
        let value = HeaderValue::from_str(value).map_err(Error::invalid_parameter)?;
        self.request.headers.insert(name, value);
        Ok(self)
    }

    /// Sets the `Authorization` header for HTTP Basic authentication.
    ///
    /// # Errors
    ///
    /// None, but the signature is that of the crate that this one replaces.
    pub fn basic_auth(self, username: &str, password: &str) -> Result<Self> {
        let credentials = BASE64_STANDARD.encode(format!("{username}:{password}"));
        self.header(AUTHORIZATION.as_str(), &format!("Basic {credentials}"))
    }

    /// Sets when the client reconnects.
    #[must_use]
    pub fn reconnect(mut self, opts: ReconnectOptions) -> Self {
        self.reconnect_options = opts;
        self
    }

    /// Sets the maximum number of redirects of an attempt. The default is [`DEFAULT_REDIRECT_LIMIT`].
    #[must_use]
    pub fn redirect_limit(mut self, limit: u32) -> Self {
        self.redirect_limit = limit;
        self
    }

    /// Creates a client that sends its requests by this transport. The transport must not follow redirects.
    pub fn build_with_transport<T>(self, transport: T) -> impl Client
    where
        T: HttpTransport,
    {
        TransportClient {
            transport: Arc::new(transport),
            builder: self,
        }
    }
}

struct TransportClient<T> {
    transport: Arc<T>,
    builder: ClientBuilder,
}

impl<T> private::Sealed for TransportClient<T> {}

impl<T: HttpTransport> Client for TransportClient<T> {
    fn stream(&self) -> BoxStream<Result<SSE>> {
        let ClientBuilder {
            request,
            reconnect_options,
            redirect_limit,
            last_event_id,
        } = self.builder.clone();
        let stream = ReconnectingRequest::new(
            self.transport.clone(),
            request,
            reconnect_options,
            redirect_limit,
            last_event_id,
        );
        Box::pin(stream)
    }
}
