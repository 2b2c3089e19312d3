//! Connector with an address filter and a timeout.

use core::{
    error, fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    task::{Context, Poll},
    time::Duration,
};
use std::{sync::Arc, vec};

use http::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

use super::{
    BoxError, BoxFuture, Proxy, TransportBuilder,
    meter::Metered,
    proxy::{NextHop, ProxyConnector},
};

/// Filter that returns whether connections to an address are allowed.
pub(crate) type AllowAddress = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Resolver that returns only the allowed addresses of a name.
#[derive(Clone)]
pub(crate) struct Resolver {
    inner: GaiResolver,
    allow: Option<AllowAddress>,
}

impl Resolver {
    pub(crate) fn new(allow: Option<AllowAddress>) -> Self {
        Self {
            inner: GaiResolver::new(),
            allow,
        }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (allow, addresses) = (self.allow.clone(), self.inner.call(name));
        Box::pin(async move {
            let mut refused = None;
            let allowed: Vec<_> = addresses
                .await?
                .filter(
                    |address| match check_address(allow.as_ref(), address.ip()) {
                        Ok(()) => true,
                        Err(error) => {
                            refused = Some(error);
                            false
                        }
                    },
                )
                .collect();
            match refused {
                Some(error) if allowed.is_empty() => Err(error.into()),
                _ => Ok(allowed.into_iter()),
            }
        })
    }
}

/// Connector for `http` and, with the feature `rustls`, for `https`.
#[derive(Clone)]
pub(crate) struct Connector<C = SchemeConnector> {
    inner: C,
    allow: Option<AllowAddress>,
    proxy: Option<Proxy>,
    timeout: Option<Duration>,
    is_http2: bool,
}

#[cfg(not(feature = "rustls"))]
pub(crate) type SchemeConnector = ProxyConnector;
#[cfg(feature = "rustls")]
pub(crate) type SchemeConnector = hyper_rustls::HttpsConnector<ProxyConnector>;

impl<C> Connector<C> {
    /// Returns a connector over `inner`, which must have the same options.
    pub(crate) fn new(inner: C, options: &TransportBuilder) -> Self {
        Self {
            inner,
            allow: options.allow_address.clone(),
            proxy: options.proxy.clone(),
            timeout: options.connect_timeout,
            is_http2: options.http2_prior_knowledge,
        }
    }
}

impl<C> Service<Uri> for Connector<C>
where
    C: Service<Uri, Error: Into<BoxError>, Future: Send + 'static>,
    C::Response: hyper_util::client::legacy::connect::Connection,
{
    type Response = Metered<C::Response>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let next_hop = NextHop::new(self.proxy.as_ref(), &uri);
        let is_forwarded = next_hop.is_forward();
        // An IP address is not resolved, so the resolver does not check it.
        let host = next_hop.uri(&uri).host().unwrap_or_default();
        let address = IpAddr::from_str(host.trim_start_matches('[').trim_end_matches(']'));
        if let Ok(address) = address
            && let Err(error) = check_address(self.allow.as_ref(), address)
        {
            return Box::pin(async move { Err(error.into()) });
        }
        let (timeout, is_http2) = (self.timeout, self.is_http2);
        let connection = self.inner.call(uri);
        Box::pin(async move {
            let connection = match timeout {
                Some(time) => tokio::time::timeout(time, connection)
                    .await
                    .map_err(|_| ConnectTimeout(time))?,
                None => connection.await,
            };
            let connection = connection.map_err(Into::into)?;
            Ok(Metered::new(connection, is_http2, is_forwarded))
        })
    }
}

/// Returns an error if the address is not allowed. An IPv4 address in IPv6 notation is checked as the IPv4 address.
fn check_address(allow: Option<&AllowAddress>, address: IpAddr) -> Result<(), AddressNotAllowed> {
    let address = address.to_canonical();
    match allow {
        Some(allow) if !allow(address) => Err(AddressNotAllowed(address)),
        _ => Ok(()),
    }
}

/// Error for an address to which connections are not allowed.
#[derive(Debug)]
struct AddressNotAllowed(IpAddr);

impl fmt::Display for AddressNotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address {} is not allowed", self.0)
    }
}

impl error::Error for AddressNotAllowed {}

/// Error for a connection that took too long.
#[derive(Debug)]
struct ConnectTimeout(Duration);

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connecting took longer than {:?}", self.0)
    }
}

impl error::Error for ConnectTimeout {}
