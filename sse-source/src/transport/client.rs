//! hyper's client, configured for event streams, and the service over it that checks and meters requests.

use core::{
    error, fmt,
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Extensions, Request, Response, Uri, header::PROXY_AUTHORIZATION};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{
        self,
        connect::{CaptureConnection, HttpConnector, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tower::Service;

use super::{
    Body, BoxError, BoxFuture, Proxy, TransportBuilder, boxed,
    connect::{AllowAddress, Connector, Resolver},
    meter::{Meter, Waiting},
    proxy::{NextHop, ProxyConnector},
};

/// Time without data after which TCP and HTTP/2 probe the connection. A stream may be silent for hours, and the server
/// may disappear without a notice.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(45);

/// Maximum time for the answer to a probe.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(15);

/// Maximum number of bytes of a stream that an HTTP/2 server may send ahead of a slow reader.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// Maximum number of bytes of all streams of a connection that an HTTP/2 server may send ahead.
///
/// h2 breaks the connection if the overhead of small frames, up to 255 bytes for each, is more than half of this. This
/// value is large enough for a slow reader: a stream may send all its bytes ahead in frames of 1 byte.
const CONNECTION_WINDOW_BYTES: u32 = 2 * 256 * STREAM_WINDOW_BYTES;

/// Maximum number of headers of a response. hyper's default is 100, so that they fit on its stack.
const MAX_RESPONSE_HEADERS: usize = 1000;

/// Filter that returns whether requests for a URI are allowed.
pub(crate) type AllowUri = Arc<dyn Fn(&Uri) -> bool + Send + Sync>;

/// Service over hyper's client that checks each URI and limits the bytes before the head of a response.
#[derive(Clone)]
pub(crate) struct HyperService {
    client: Client,
    allow_uri: Option<AllowUri>,
    proxy: Option<Proxy>,
}

impl HyperService {
    pub(crate) fn new(options: &TransportBuilder) -> Self {
        Self {
            client: client(options),
            allow_uri: options.allow_uri.clone(),
            proxy: options.proxy.clone(),
        }
    }
}

impl Service<Request<Full<Bytes>>> for HyperService {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::<Request<Full<Bytes>>>::poll_ready(&mut self.client, cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Full<Bytes>>) -> Self::Future {
        if let Err(error) = check_uri(self.allow_uri.as_ref(), request.uri()) {
            return Box::pin(async move { Err(error) });
        }
        let next_hop = NextHop::new(self.proxy.as_ref(), request.uri());
        if let Some(value) = next_hop.authorization() {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        let connection = CapturedConnection::capture(&mut request);
        let response = self.client.request(request);
        Box::pin(async move {
            let response = meter(response, connection).await?;
            Ok(response.map(boxed))
        })
    }
}

/// Waits for a response. As soon as the request has a connection, the [`Meter`] of that connection counts it.
async fn meter<F: Future>(response: F, connection: CaptureConnection) -> F::Output {
    let mut response = pin!(response);
    let mut waiting: Option<Waiting> = None;
    poll_fn(|cx| {
        let response = response.as_mut().poll(cx);
        let mut extensions = Extensions::new();
        if response.is_pending()
            && let Some(connected) = &*connection.connection_metadata()
        {
            connected.get_extras(&mut extensions);
        }
        if let Some(meter) = extensions.get::<Meter>()
            && !waiting.as_ref().is_some_and(|waiting| waiting.is_on(meter))
        {
            waiting = Some(meter.wait());
        }
        response
    })
    .await
}

/// Returns an error if requests for the URI are not allowed.
pub(crate) fn check_uri(allow: Option<&AllowUri>, uri: &Uri) -> Result<(), BoxError> {
    match is_uri_allowed(allow, uri) {
        true => Ok(()),
        false => Err(UriNotAllowed(uri.clone()).into()),
    }
}

pub(crate) fn is_uri_allowed(allow: Option<&AllowUri>, uri: &Uri) -> bool {
    allow.is_none_or(|allow| allow(uri))
}

/// Error for a URI for which requests are not allowed.
#[derive(Debug)]
struct UriNotAllowed(Uri);

impl fmt::Display for UriNotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "URI {} is not allowed", self.0)
    }
}

impl error::Error for UriNotAllowed {}

/// Connection that a request is sent over, if hyper reports it. After redirects, it is the last connection.
///
/// It is an extension of the request.
#[derive(Clone, Default)]
pub(crate) struct CapturedConnection(Arc<Mutex<Option<CaptureConnection>>>);

impl CapturedConnection {
    /// Captures the connection of a request that is sent, and returns it.
    pub(crate) fn capture<B>(request: &mut Request<B>) -> CaptureConnection {
        let slot = request.extensions().get::<Self>().cloned();
        let captured = capture_connection(request);
        if let Some(Self(slot)) = slot {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(captured.clone());
        }
        captured
    }

    /// Prevents other requests over this connection. An HTTP/2 connection outlives its streams, so a dead one would be
    /// used again and again.
    pub(crate) fn give_up(&self) {
        let captured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = captured.as_ref();
        let connection = connection.map(CaptureConnection::connection_metadata);
        if let Some(Some(connection)) = connection.as_deref() {
            connection.poison();
        }
    }
}

type Client = legacy::Client<Connector, Full<Bytes>>;

fn client(options: &TransportBuilder) -> Client {
    let tcp = http_connector(options.allow_address.clone());
    let tcp = ProxyConnector::new(tcp, options.proxy.clone());
    #[cfg(feature = "rustls")]
    let connector = options.tls.connector(tcp);
    #[cfg(not(feature = "rustls"))]
    let connector = tcp;
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_only(options.http2_prior_knowledge)
        .http1_max_headers(MAX_RESPONSE_HEADERS)
        // Browsers accept these responses, too.
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .build(Connector::new(connector, options))
}

/// Returns an error if this client cannot send requests to the URI.
pub(crate) fn check_scheme(uri: &Uri) -> Result<(), BoxError> {
    let reason = match uri.scheme_str() {
        Some("http") => return Ok(()),
        Some("https") if cfg!(feature = "rustls") => return Ok(()),
        Some("https") => "https needs the feature `rustls` of sse-source",
        Some(_) => "the URI is neither http nor https",
        None => "the URI has to start with http:// and a host",
    };
    Err(format!("{reason}: {uri}").into())
}

fn http_connector(allow_address: Option<AllowAddress>) -> HttpConnector<Resolver> {
    let mut connector = HttpConnector::new_with_resolver(Resolver::new(allow_address));
    // The proxy and the TLS connector also pass URIs with other schemes.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEP_ALIVE_INTERVAL));
    connector.set_keepalive_interval(Some(KEEP_ALIVE_TIMEOUT));
    connector
}
