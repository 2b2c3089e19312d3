//! Where connections may go to.

use core::{
    error, fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    task::{Context, Poll},
    time::Duration,
};
use std::{sync::Arc, vec};

use http::Uri;
use hyper_util::client::legacy::connect::{
    HttpConnector,
    dns::{GaiResolver, Name},
};
use tower::Service;

use crate::{
    metered::Metered,
    transport::{BoxError, BoxFuture},
};

/// Filter that returns whether connections to an address are allowed.
pub(crate) type AllowAddress = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Resolves names to the addresses that are allowed.
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
                .filter(|address| match check(allow.as_ref(), address.ip()) {
                    Ok(()) => true,
                    Err(error) => {
                        refused = Some(error);
                        false
                    }
                })
                .collect();
            match refused {
                Some(error) if allowed.is_empty() => Err(error.into()),
                _ => Ok(allowed.into_iter()),
            }
        })
    }
}

/// A connector for `http` and, by the feature `rustls`, `https`.
#[derive(Clone)]
pub(crate) struct Connector<C = Scheme> {
    inner: C,
    allow: Option<AllowAddress>,
    timeout: Option<Duration>,
    is_http2: bool,
}

#[cfg(not(feature = "rustls"))]
pub(crate) type Scheme = HttpConnector<Resolver>;
#[cfg(feature = "rustls")]
pub(crate) type Scheme = hyper_rustls::HttpsConnector<HttpConnector<Resolver>>;

impl<C> Connector<C> {
    /// Returns a connector whose `inner` one has a [`Resolver`] that allows the same addresses. Each connection
    /// speaks HTTP/2, if that is known before.
    pub(crate) fn new(
        inner: C,
        allow: Option<AllowAddress>,
        timeout: Option<Duration>,
        is_http2: bool,
    ) -> Self {
        Self {
            inner,
            allow,
            timeout,
            is_http2,
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
        // What is an address already is not resolved.
        let host = uri.host().unwrap_or_default();
        let address = IpAddr::from_str(host.trim_start_matches('[').trim_end_matches(']'));
        if let Ok(address) = address
            && let Err(error) = check(self.allow.as_ref(), address)
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
            Ok(Metered::new(connection.map_err(Into::into)?, is_http2))
        })
    }
}

/// An IPv4 address may be written as one of IPv6.
fn check(allow: Option<&AllowAddress>, address: IpAddr) -> Result<(), AddressError> {
    let address = address.to_canonical();
    match allow {
        Some(allow) if !allow(address) => Err(AddressError(address)),
        _ => Ok(()),
    }
}

/// Connections to this address are not allowed.
#[derive(Debug)]
struct AddressError(IpAddr);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address {} is not allowed", self.0)
    }
}

impl error::Error for AddressError {}

/// No connection came about in time.
#[derive(Debug)]
struct ConnectTimeout(Duration);

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connecting took longer than {:?}", self.0)
    }
}

impl error::Error for ConnectTimeout {}
