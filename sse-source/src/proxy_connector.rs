use core::task::{Context, Poll};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{
        HttpConnector,
        proxy::{SocksV5, Tunnel},
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower::Service;

use crate::{
    connect::Resolver,
    proxy::{Proxy, is_forwarded},
    transport::{BoxError, BoxFuture},
};

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
        let proxy = self.proxy.as_ref().and_then(|proxy| proxy.intercept(&uri));
        let Some(proxy) = proxy else {
            let connection = self.inner.call(uri);
            return Box::pin(async move { Ok(connection.await?) });
        };
        let address = proxy.uri().clone();
        if is_forwarded(&proxy, &uri) {
            let connection = self.inner.call(address);
            return Box::pin(async move { Ok(connection.await?) });
        }
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
