//! hyper's client, configured for event streams.

use core::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    TransportBuilder,
    connect::{AllowAddress, Connector, Resolver},
    proxy_connector::ProxyConnector,
    transport::BoxError,
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

pub(crate) type Client = legacy::Client<Connector, Full<Bytes>>;

pub(crate) fn client(options: &TransportBuilder) -> Client {
    let tcp = http(options.allow_address.clone());
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

fn http(allow_address: Option<AllowAddress>) -> HttpConnector<Resolver> {
    let mut connector = HttpConnector::new_with_resolver(Resolver::new(allow_address));
    // The proxy and the TLS connector also pass URIs with other schemes.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEP_ALIVE_INTERVAL));
    connector.set_keepalive_interval(Some(KEEP_ALIVE_TIMEOUT));
    connector
}
