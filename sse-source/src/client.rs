//! hyper's client, as event streams need it.

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

/// How long nothing comes before the other end is asked whether it is there, by TCP and by HTTP/2: a
/// stream may be silent for hours, and one end may be gone without a word.
const SILENCE: Duration = Duration::from_secs(45);

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much of a stream HTTP/2 may send ahead of a slow reader.
const AHEAD: u32 = 256 * 1024;

/// How much of all the streams of a connection. Half of it is what h2 grants to the overhead of small
/// frames, up to 255 bytes for each, before it breaks the connection: with as many of one byte as a
/// stream may send ahead, a slow reader is no reason yet.
const AHEAD_OF_ALL: u32 = 2 * 256 * AHEAD;

/// How many headers a response may have. hyper's 100 are a matter of its stack.
const HEADERS: usize = 1000;

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
        .http1_max_headers(HEADERS)
        // What browsers take, too.
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http2_initial_stream_window_size(AHEAD)
        .http2_initial_connection_window_size(AHEAD_OF_ALL)
        .http2_keep_alive_interval(SILENCE)
        .http2_keep_alive_timeout(PATIENCE)
        .build(Connector::new(connector, options))
}

/// Why no request can go there, whatever is tried.
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
    // Other schemes come from the proxy and from TLS.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(SILENCE));
    connector.set_keepalive_interval(Some(PATIENCE));
    connector
}
