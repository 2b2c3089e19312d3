//! reqwest: its requests and responses as event streams, and its client as the transport.

use core::future::Future;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};

use crate::{
    Builder, Error, EventSource, Events, Transport, request::add_default_headers,
    response::ResponseUri,
};

/// Extension of [`reqwest::RequestBuilder`] that sends the request and returns the events of the response.
///
/// `Accept: text/event-stream` and `Cache-Control: no-cache` are added, unless the request has these headers.
///
/// ```no_run
/// use futures_util::TryStreamExt;
/// use serde_json::json;
/// use sse_source::RequestBuilderExt;
///
/// # async fn example(client: reqwest::Client, token: &str) -> Result<(), sse_source::Error> {
/// let mut events = client
///     .post("https://llm.example/v1/chat/completions")
///     .bearer_auth(token)
///     .json(&json!({ "stream": true, "messages": [{ "role": "user", "content": "Hello" }] }))
///     .events()
///     .await?
///     .events_only();
/// while let Some(event) = events.try_next().await? {
///     println!("{}", event.data);
/// }
/// # Ok(())
/// # }
/// ```
#[doc(alias = "eventsource")]
pub trait RequestBuilderExt {
    /// Sends the request once, and returns the events of the response.
    ///
    /// To cancel, drop the future or the stream. For timeouts and retries before the first event, use
    /// [`Builder::try_from`] and [`Builder::send`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::Request`] if the request is not valid, [`Error::Network`] if there is no response, and
    /// [`Error::UnexpectedResponse`] with status, headers and body if the response is not an event stream.
    fn events(self) -> impl Future<Output = Result<Events, Error>> + Send;

    /// Returns an event source, which sends the request again for each reconnection.
    ///
    /// A request whose method is not safe, for example a POST, is sent once. To repeat it, or to set other options, use
    /// [`Builder::try_from`] with [`Builder::resend`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::Request`] if the request is not valid, or if its body is a stream, which cannot be sent again.
    fn event_source(self) -> Result<EventSource, Error>;
}

impl RequestBuilderExt for reqwest::RequestBuilder {
    async fn events(self) -> Result<Events, Error> {
        let (client, request) = self.build_split();
        let mut request = request.map_err(invalid_request)?;
        add_default_headers(request.headers_mut());
        match client.execute(request).await {
            Ok(response) => Events::from_reqwest(response).await,
            Err(error) if error.is_builder() => Err(invalid_request(error)),
            Err(error) => Err(Error::Network(error.into())),
        }
    }

    fn event_source(self) -> Result<EventSource, Error> {
        Builder::try_from(self)?.build()
    }
}

/// Converts a request of reqwest, which its client sends. The body must not be a stream.
///
/// ```no_run
/// use std::time::Duration;
///
/// use sse_source::{Builder, ClientConfig};
///
/// # async fn example(client: reqwest::Client) -> Result<(), sse_source::Error> {
/// let config = ClientConfig::default().idle_timeout(Some(Duration::from_secs(60)));
/// let source = Builder::try_from(client.get("https://api.example/events"))?
///     .config(config)
///     .build()?;
/// # Ok(())
/// # }
/// ```
impl TryFrom<reqwest::RequestBuilder> for Builder {
    type Error = Error;

    fn try_from(request: reqwest::RequestBuilder) -> Result<Self, Error> {
        let (client, request) = request.build_split();
        let request = request.and_then(Request::<reqwest::Body>::try_from);
        let (head, body) = request.map_err(invalid_request)?.into_parts();
        let Some(body) = body.as_bytes() else {
            let reason = "body is a stream, which cannot be sent again";
            return Err(Error::Request(reason.into()));
        };
        let mut builder = Self::new(head.method, head.uri)
            .body(Bytes::copy_from_slice(body))
            .transport(Transport::from_reqwest(client));
        builder.request = builder.request.version(head.version);
        if let Some(headers) = builder.request.headers_mut() {
            *headers = head.headers;
        }
        // They have the timeout of the request.
        if let Some(extensions) = builder.request.extensions_mut() {
            *extensions = head.extensions;
        }
        Ok(builder)
    }
}

fn invalid_request(error: reqwest::Error) -> Error {
    Error::Request(error.into())
}

impl Events {
    /// Returns the events of a response that reqwest's client has received.
    ///
    /// ```no_run
    /// use sse_source::Events;
    ///
    /// # async fn example(client: reqwest::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let response = client.get("https://api.example/events").send().await?;
    /// let events = Events::from_reqwest(response).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`from_response`](Self::from_response).
    pub async fn from_reqwest(response: reqwest::Response) -> Result<Self, Error> {
        Self::from_response(with_uri(response)).await
    }
}

impl Transport {
    /// Creates a transport over reqwest's client, with the client's proxies, cookies, root certificates and redirects.
    ///
    /// If the client has a timeout for a whole request, it also ends streams. Set its `connect_timeout`, because it has
    /// no default.
    ///
    /// The limits of [`new`](Self::new) do not apply. With the features `gzip`, `brotli` and `zstd` of reqwest, windows
    /// are as large as a server asks for (1 GiB for brotli). For untrusted servers, leave these features out, or turn
    /// them off, for example with `ClientBuilder::no_brotli`. Restrict addresses with its `dns_resolver`, and redirects
    /// with its `redirect` policy.
    pub fn from_reqwest(client: reqwest::Client) -> Self {
        let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let client = client.clone();
            async move {
                let (head, body) = request.into_parts();
                let Ok(body) = body.collect().await;
                let request = Request::from_parts(head, body.to_bytes()).try_into()?;
                let response = client.execute(request).await?;
                Ok::<_, reqwest::Error>(with_uri(response))
            }
        });
        Self::without_redirects(service).with_check(|uri| match uri.scheme() {
            Some(_) => Ok(()),
            None => Err(format!("the URI must have a scheme and a host: {uri}").into()),
        })
    }
}

/// Converts a response of reqwest, and keeps its URI.
fn with_uri(response: reqwest::Response) -> Response<reqwest::Body> {
    let uri = Uri::try_from(response.url().as_str()).ok();
    let mut response = Response::from(response);
    if let Some(uri) = uri {
        response.extensions_mut().insert(ResponseUri(uri));
    }
    response
}
