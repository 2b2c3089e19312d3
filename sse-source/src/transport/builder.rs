use core::{fmt, net::IpAddr, time::Duration};
use std::sync::Arc;

use http::Uri;

#[cfg(feature = "rustls")]
use super::tls::TlsOptions;
use super::{Proxy, Transport, client::AllowUri, connect::AllowAddress};

/// Builder for a [`Transport`] over hyper's client with more options.
///
/// The two filters are for programs that open URIs from untrusted sources. Without them, a URI, a redirect or a name
/// may lead to services that only the program's machine or network can reach ("server-side request forgery").
///
/// ```
/// use std::net::IpAddr;
///
/// use sse_source::Transport;
///
/// /// Returns `false` for this machine and its networks.
/// fn is_public(address: IpAddr) -> bool {
///     match address {
///         IpAddr::V4(v4) => {
///             let [first, second, ..] = v4.octets();
///             let is_shared = first == 100 && second & 0b1100_0000 == 64;
///             !(first == 0
///                 || is_shared
///                 || v4.is_private()
///                 || v4.is_loopback()
///                 || v4.is_link_local()
///                 || v4.is_multicast()
///                 || v4.is_broadcast())
///         }
///         // Global unicast addresses.
///         IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000,
///     }
/// }
///
/// let transport = Transport::builder()
///     .allow_uri(|uri| uri.port_u16().is_none_or(|port| port == 443))
///     .allow_address(is_public)
///     .build();
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct TransportBuilder {
    pub(crate) http2_prior_knowledge: bool,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) proxy: Option<Proxy>,
    #[cfg(feature = "rustls")]
    pub(crate) tls: TlsOptions,
    pub(crate) allow_uri: Option<AllowUri>,
    pub(crate) allow_address: Option<AllowAddress>,
}

impl TransportBuilder {
    /// Sets whether the transport assumes that each server speaks HTTP/2, even without TLS. The default is `false`.
    ///
    /// See [`Transport::http2_prior_knowledge`].
    pub fn http2_prior_knowledge(mut self, enabled: bool) -> Self {
        self.http2_prior_knowledge = enabled;
        self
    }

    /// Sets the maximum time to connect: for name resolution, TCP and TLS. The default is 30 s.
    ///
    /// With `None`, only the limit of the operating system applies. An attempt that takes longer fails with a network
    /// error. [`ClientConfig::head_timeout`](crate::ClientConfig::head_timeout) limits the time up to the head of the
    /// response.
    pub fn connect_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sends requests through a proxy. The default is no proxy.
    ///
    /// Environment variables have no effect by default: [`Proxy::from_env`] reads them. With a proxy,
    /// [`allow_address`](Self::allow_address) checks the address of the proxy, which resolves the names of hosts.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Trusts these certificates, in PEM, instead of those that the system trusts.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError`](crate::TlsError) if there is no certificate, or if one is not valid.
    #[cfg(feature = "rustls")]
    pub fn root_certificates(mut self, pem: &[u8]) -> Result<Self, crate::TlsError> {
        self.tls.set_roots(pem)?;
        Ok(self)
    }

    /// Sets the certificate chain and the private key of the client, in PEM, for servers that ask for them.
    ///
    /// Both may be in one text, which is then passed twice.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError`](crate::TlsError) if one is missing or not valid, or if the key does not match the
    /// certificate.
    #[cfg(feature = "rustls")]
    pub fn client_certificate(
        mut self,
        chain_pem: &[u8],
        key_pem: &[u8],
    ) -> Result<Self, crate::TlsError> {
        self.tls.set_identity(chain_pem, key_pem)?;
        Ok(self)
    }

    /// Sets a filter for the URIs of requests, which returns `true` for an allowed URI. The default allows all.
    ///
    /// The filter is called for the first request of a stream, for each reconnection and for each redirect. A URI that
    /// is not allowed is an [`Error::Request`](crate::Error::Request). A redirect to one is not followed, so it ends
    /// the stream with [`Error::UnexpectedResponse`](crate::Error::UnexpectedResponse).
    ///
    /// The filter does not see the addresses that a name resolves to: use [`allow_address`](Self::allow_address) for
    /// them.
    pub fn allow_uri(mut self, filter: impl Fn(&Uri) -> bool + Send + Sync + 'static) -> Self {
        self.allow_uri = Some(Arc::new(filter));
        self
    }

    /// Sets a filter for the IP addresses of connections, which returns `true` for an allowed address. The default
    /// allows all.
    ///
    /// For each connection, the filter is called for the addresses that a name resolves to, or for the address in the
    /// URI. An IPv4 address in IPv6 notation (`::ffff:127.0.0.1`) is passed as the IPv4 address. An attempt without an
    /// allowed address fails with a network error, and is retried as such.
    pub fn allow_address(
        mut self,
        filter: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.allow_address = Some(Arc::new(filter));
        self
    }

    /// Creates the transport.
    pub fn build(self) -> Transport {
        Transport::hyper(self)
    }
}

impl Default for TransportBuilder {
    fn default() -> Self {
        Self {
            http2_prior_knowledge: false,
            connect_timeout: Some(Duration::from_secs(30)),
            proxy: None,
            #[cfg(feature = "rustls")]
            tls: TlsOptions::default(),
            allow_uri: None,
            allow_address: None,
        }
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder")
            .field("http2_prior_knowledge", &self.http2_prior_knowledge)
            .field("connect_timeout", &self.connect_timeout)
            .field("proxy", &self.proxy)
            .field("allow_uri", &self.allow_uri.is_some())
            .field("allow_address", &self.allow_address.is_some())
            .finish()
    }
}
