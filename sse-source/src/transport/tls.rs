//! TLS: the certificates that the transport trusts, and its own certificate.

use core::{error, fmt};
use std::sync::{Arc, OnceLock};

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::proxy::ProxyConnector;

/// Options for TLS connections.
#[derive(Clone, Default)]
pub(crate) struct TlsOptions {
    /// Certificates to trust instead of those of the system.
    roots: Option<Arc<RootCertStore>>,
    identity: Option<Arc<SingleCertAndKey>>,
}

impl TlsOptions {
    pub(crate) fn set_roots(&mut self, pem: &[u8]) -> Result<(), TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots
                .add(certificate)
                .map_err(|error| TlsError::Certificate(Box::new(error)))?;
        }
        self.roots = Some(Arc::new(roots));
        Ok(())
    }

    pub(crate) fn set_identity(
        &mut self,
        chain_pem: &[u8],
        key_pem: &[u8],
    ) -> Result<(), TlsError> {
        let chain = certificates(chain_pem)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey,
            error => TlsError::Key(Box::new(error)),
        })?;
        // A key that does not match the certificate is an error here, and not at each connection.
        let identity = CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|error| TlsError::Key(Box::new(error)))?;
        self.identity = Some(Arc::new(identity.into()));
        Ok(())
    }

    /// Returns a TLS connector that uses `tcp` for TCP connections.
    pub(crate) fn connector(&self, tcp: ProxyConnector) -> HttpsConnector<ProxyConnector> {
        /// Default configuration. It is shared, because reading the root certificates of the system is slow.
        static DEFAULT: OnceLock<ClientConfig> = OnceLock::new();

        let config = match self {
            Self {
                roots: None,
                identity: None,
            } => DEFAULT.get_or_init(|| self.config()).clone(),
            _ => self.config(),
        };
        HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp)
    }

    fn config(&self) -> ClientConfig {
        let builder = || {
            ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("ring supports the default TLS versions")
        };
        let builder = match &self.roots {
            Some(roots) => builder().with_root_certificates(Arc::clone(roots)),
            None => builder()
                .with_native_roots()
                .unwrap_or_else(|_| builder().with_webpki_roots()),
        };
        match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity) as _),
        }
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(TlsError::NoCertificate),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsError::Certificate(Box::new(error))),
    }
}

/// Error for a certificate or a private key that cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The text has no certificate in PEM.
    NoCertificate,
    /// A certificate is not valid.
    Certificate(Box<dyn error::Error + Send + Sync>),
    /// The text has no private key in PEM.
    NoKey,
    /// The private key is not valid, or does not match the certificate.
    Key(Box<dyn error::Error + Send + Sync>),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "there is no certificate in PEM",
            Self::Certificate(_) => "invalid certificate",
            Self::NoKey => "there is no private key in PEM",
            Self::Key(_) => "invalid private key",
        })
    }
}

impl error::Error for TlsError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::NoCertificate | Self::NoKey => None,
            Self::Certificate(error) | Self::Key(error) => Some(&**error),
        }
    }
}
