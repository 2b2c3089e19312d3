//! hyper's client, as event streams need it.

use core::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
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

#[cfg(not(feature = "rustls"))]
type Connector = HttpConnector;
#[cfg(feature = "rustls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;

pub(crate) type Client = legacy::Client<Connector, Full<Bytes>>;

pub(crate) fn client(http2_only: bool) -> Client {
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_only(http2_only)
        .http1_max_headers(HEADERS)
        .http2_initial_stream_window_size(AHEAD)
        .http2_initial_connection_window_size(AHEAD_OF_ALL)
        .http2_keep_alive_interval(SILENCE)
        .http2_keep_alive_timeout(PATIENCE)
        .build(connector())
}

/// Why no request can go there, whatever is tried.
pub(crate) fn check(uri: &Uri) -> Result<(), &'static str> {
    match uri.scheme_str() {
        Some("http") => Ok(()),
        Some("https") if cfg!(feature = "rustls") => Ok(()),
        Some("https") => Err("https needs the feature `rustls` of sse-source"),
        Some(_) => Err("the URI is neither http nor https"),
        None => Err("the URI has to start with http:// and a host"),
    }
}

fn http_connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(SILENCE));
    connector.set_keepalive_interval(Some(PATIENCE));
    connector
}

#[cfg(not(feature = "rustls"))]
fn connector() -> Connector {
    http_connector()
}

#[cfg(feature = "rustls")]
fn connector() -> Connector {
    use std::sync::OnceLock;

    use hyper_rustls::HttpsConnectorBuilder;

    /// Reading the roots of trust takes a while.
    static CONNECTOR: OnceLock<Connector> = OnceLock::new();

    let connector = CONNECTOR.get_or_init(|| {
        let mut http = http_connector();
        http.enforce_http(false);
        HttpsConnectorBuilder::new()
            .with_native_roots()
            .unwrap_or_else(|_| HttpsConnectorBuilder::new().with_webpki_roots())
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http)
    });
    connector.clone()
}
