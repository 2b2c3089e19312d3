use core::{fmt, net::IpAddr, time::Duration};
use std::sync::Arc;

use http::Uri;

#[cfg(feature = "rustls")]
use crate::tls::TlsOptions;
use crate::{Proxy, Transport, connect::AllowAddress, hyper_service::AllowUri};

/// Builder for a [`Transport`] over hyper's client with more options.
///
/// The two filters are for programs that open URIs of strangers: without them, a URI, a redirect or a name may lead
/// to what only the program's machine and network can reach ("server-side request forgery").
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
#[must_use = "it does nothing until it is built"]
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
    /// Sets whether each server is taken to speak HTTP/2, also without TLS. `false` if it is not set. See
    /// [`Transport::http2`].
    pub fn http2_prior_knowledge(mut self, enabled: bool) -> Self {
        self.http2_prior_knowledge = enabled;
        self
    }

    /// Sets the maximum time to connect: to resolve the name, for TCP and for TLS. 30 s if it is not set; `None` for
    /// the system's.
    ///
    /// An attempt that takes longer fails as one without a network. The time up to the head of the response is
    /// limited by [`Settings::with_head_timeout`](crate::Settings::with_head_timeout).
    pub fn connect_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sends requests through a proxy. None is used if it is not set, whatever the environment names:
    /// [`Proxy::from_env`] takes it from there.
    ///
    /// [`allow_address`](Self::allow_address) then sees the address of the proxy, which resolves the names of hosts.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Trusts these certificates, in PEM, in place of those that the machine trusts.
    ///
    /// # Errors
    ///
    /// [`TlsError`](crate::TlsError) if there is no certificate, or one is not valid.
    #[cfg(feature = "rustls")]
    pub fn root_certificates(mut self, pem: &[u8]) -> Result<Self, crate::TlsError> {
        self.tls.set_roots(pem)?;
        Ok(self)
    }

    /// Identifies itself by this chain of certificates and its private key, in PEM, to servers that ask for that. They
    /// may be one text.
    ///
    /// # Errors
    ///
    /// [`TlsError`](crate::TlsError) if one is missing or not valid, or the key does not fit the certificate.
    #[cfg(feature = "rustls")]
    pub fn client_certificate(
        mut self,
        chain_pem: &[u8],
        key_pem: &[u8],
    ) -> Result<Self, crate::TlsError> {
        self.tls.set_identity(chain_pem, key_pem)?;
        Ok(self)
    }

    /// Sends requests only for URIs for which the filter returns `true`: the first one of a stream, each that
    /// reconnects, and each that a redirect leads to. All are allowed if it is not set.
    ///
    /// A URI that is not allowed is an [`Error::Request`](crate::Error::Request). A redirect to one is not
    /// followed, so it ends the stream with [`Error::Refused`](crate::Error::Refused). A name says nothing of the
    /// address that it resolves to: use [`allow_address`](Self::allow_address) for that.
    pub fn allow_uri(mut self, filter: impl Fn(&Uri) -> bool + Send + Sync + 'static) -> Self {
        self.allow_uri = Some(Arc::new(filter));
        self
    }

    /// Connects only to IP addresses for which the filter returns `true`. All are allowed if it is not set.
    ///
    /// The filter sees the addresses that a name resolves to, at each connection anew, and those that stand in a
    /// URI; an IPv4 address in IPv6 notation (`::ffff:127.0.0.1`) as the IPv4 address. An attempt for which no
    /// address is allowed fails as one without a network, and is repeated as such.
    pub fn allow_address(
        mut self,
        filter: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.allow_address = Some(Arc::new(filter));
        self
    }

    /// Returns the transport.
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
