//! Proxies: their configuration, the next hop of a request, and connections through them.

use core::{
    error, fmt,
    task::{Context, Poll},
};
use std::{env, sync::Arc};

use http::{HeaderValue, Uri};
use hyper_util::{
    client::{
        legacy::connect::{
            HttpConnector,
            proxy::{SocksV5, Tunnel},
        },
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower::Service;

use super::{BoxError, BoxFuture, connect::Resolver};
use crate::request::{has_valid_port, without_credentials};

/// Environment variables that name a proxy.
const VARIABLES: [&str; 6] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

/// Proxies for requests, for [`TransportBuilder::proxy`](crate::TransportBuilder::proxy).
///
/// A proxy is `http://host:port` or `socks5://host:port`, with `user:password@` before the host if the proxy needs
/// credentials. Requests for `https` go through a tunnel (`CONNECT`). A SOCKS proxy resolves the names of hosts.
///
/// ```
/// use sse_source::{Proxy, Transport};
///
/// # fn main() -> Result<(), sse_source::ProxyError> {
/// let proxy = Proxy::all("http://user:password@proxy.example:3128")?;
/// let transport = Transport::builder().proxy(proxy).build();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Proxy {
    matcher: Arc<Matcher>,
}

impl Proxy {
    /// Returns the proxies in environment variables, as in curl.
    ///
    /// - `HTTP_PROXY` and `HTTPS_PROXY`: the proxies for URIs with these schemes.
    /// - `ALL_PROXY`: the proxy for both schemes.
    /// - `NO_PROXY`: the hosts that are connected to directly.
    ///
    /// The names may also be in lower case.
    ///
    /// # Errors
    ///
    /// Returns [`ProxyError`] if a variable is not empty and does not name a proxy.
    pub fn from_env() -> Result<Self, ProxyError> {
        for variable in VARIABLES {
            match env::var(variable) {
                Ok(text) if !text.is_empty() => check(&text, Some(variable))?,
                _ => {}
            }
        }
        Ok(Matcher::from_env().into())
    }

    /// Returns a proxy for all requests.
    ///
    /// # Errors
    ///
    /// Returns [`ProxyError`] if the text does not name a proxy.
    pub fn all(uri: &str) -> Result<Self, ProxyError> {
        check(uri, None)?;
        Ok(Matcher::builder().all(uri).build().into())
    }
}

impl From<Matcher> for Proxy {
    fn from(matcher: Matcher) -> Self {
        let matcher = Arc::new(matcher);
        Self { matcher }
    }
}

/// Host that a connection for a URI goes to.
//
// The proxies are evaluated nowhere else.
pub(crate) enum NextHop {
    /// The host of the URI.
    Origin,
    /// A proxy that forwards requests. They are sent to it in absolute form
    /// ([RFC 9112, 3.2.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2)).
    Forward(Intercept),
    /// A proxy that forwards bytes: a tunnel through an HTTP proxy, or a SOCKS proxy.
    Tunnel(Intercept),
}

impl NextHop {
    pub(crate) fn new(proxy: Option<&Proxy>, uri: &Uri) -> Self {
        let is_http = |uri: &Uri| uri.scheme_str() == Some("http");
        match proxy.and_then(|proxy| proxy.matcher.intercept(uri)) {
            None => Self::Origin,
            Some(proxy) if is_http(proxy.uri()) && is_http(uri) => Self::Forward(proxy),
            Some(proxy) => Self::Tunnel(proxy),
        }
    }

    /// Returns the URI to connect to, for a request for `uri`.
    pub(crate) fn uri<'a>(&'a self, uri: &'a Uri) -> &'a Uri {
        match self {
            Self::Origin => uri,
            Self::Forward(proxy) | Self::Tunnel(proxy) => proxy.uri(),
        }
    }

    /// Returns whether a proxy forwards the requests.
    pub(crate) fn is_forward(&self) -> bool {
        matches!(self, Self::Forward(_))
    }

    /// Returns the value of `Proxy-Authorization` for a request that the proxy forwards, if there are credentials.
    ///
    /// A request through a tunnel has none, because the proxy does not receive it.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        match self {
            Self::Forward(proxy) => proxy.basic_auth().cloned(),
            Self::Origin | Self::Tunnel(_) => None,
        }
    }
}

/// Connector that connects to a host, or to the proxy for that host if there is one.
#[derive(Clone)]
pub(crate) struct ProxyConnector {
    inner: HttpConnector<Resolver>,
    proxy: Option<Proxy>,
}

impl ProxyConnector {
    pub(crate) fn new(inner: HttpConnector<Resolver>, proxy: Option<Proxy>) -> Self {
        Self { inner, proxy }
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let proxy = match NextHop::new(self.proxy.as_ref(), &uri) {
            NextHop::Tunnel(proxy) => proxy,
            next_hop => {
                let connection = self.inner.call(next_hop.uri(&uri).clone());
                return Box::pin(async move { Ok(connection.await?) });
            }
        };
        let address = proxy.uri().clone();
        // This connector is always ready, so a clone of it is ready, too.
        let inner = self.inner.clone();
        if address.scheme_str() == Some("http") {
            let mut tunnel = Tunnel::new(address, inner);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            let connection = tunnel.call(uri);
            return Box::pin(async move { Ok(connection.await?) });
        }
        let mut socks = SocksV5::new(address, inner);
        if let Some((user, password)) = proxy.raw_auth() {
            socks = socks.with_auth(user.to_owned(), password.to_owned());
        }
        let connection = socks.call(uri);
        Box::pin(async move { Ok(connection.await?) })
    }
}

fn check(text: &str, variable: Option<&'static str>) -> Result<(), ProxyError> {
    let proxy = Uri::try_from(text).ok();
    let is_supported = proxy.is_some_and(|proxy| {
        let is_complete = match proxy.scheme_str() {
            Some("http") | None => true,
            // This scheme has no default port.
            Some("socks5" | "socks5h") => proxy.port_u16().is_some(),
            Some(_) => false,
        };
        proxy.host().is_some() && has_valid_port(&proxy) && is_complete
    });
    match is_supported {
        true => Ok(()),
        false => Err(ProxyError {
            text: without_credentials(text),
            variable,
        }),
    }
}

/// Error for a text that does not name a proxy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProxyError {
    text: String,
    variable: Option<&'static str>,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variable) = self.variable {
            write!(f, "{variable}: ")?;
        }
        let text = &self.text;
        write!(
            f,
            "proxy {text:?} is neither http://HOST:PORT nor socks5://HOST:PORT"
        )
    }
}

impl error::Error for ProxyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_http_or_socks() {
        for text in [
            "http://p:1",
            "p:1",
            "http://u:p@p:1/",
            "socks5://p:1",
            "socks5h://[::1]:1",
        ] {
            assert!(Proxy::all(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "ftp://p:1",
            "https://p:1",
            "socks4://p:1",
            "socks5://p",
            "http://p:x",
            "http://",
            "/x",
            "a b",
        ] {
            let error = Proxy::all(text).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
        let error = Proxy::all("ftp://u:secret@p:1").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
