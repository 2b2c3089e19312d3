//! TLS: the certificate, which is read again on SIGHUP, and the handshake.

use core::time::Duration;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use rustls::{
    CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Name of HTTP/2 in ALPN.
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";

/// Name of HTTP/1.1 in ALPN.
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Maximum time of a handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Options for TLS.
#[derive(Args)]
pub(crate) struct TlsOptions {
    /// Certificate of the server in PEM, followed by its intermediate certificates. With it, all TCP addresses speak
    /// TLS 1.2 and 1.3, for HTTP/1.1 and HTTP/2.
    ///
    /// On SIGHUP, the hub reads the certificate and the key again. New connections get the new certificate, and open
    /// streams continue. If the files are invalid, the hub logs a warning and keeps the old certificate.
    #[arg(
        long,
        value_name = "FILE",
        env = "SSE_HUB_TLS_CERT",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM (PKCS #8, PKCS #1 or SEC 1), without a passphrase.
    #[arg(
        long,
        value_name = "FILE",
        env = "SSE_HUB_TLS_KEY",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
}

impl TlsOptions {
    /// Reads the certificate and the key. Returns `None` without these options.
    pub(crate) fn load(&self) -> Result<Option<Arc<Tls>>> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let files = Files {
            certificate: certificate.clone(),
            key: key.clone(),
        };
        let config = RwLock::new(files.read()?);
        Ok(Some(Arc::new(Tls { files, config })))
    }
}

/// TLS of a server, whose certificate can be replaced.
#[derive(Debug)]
pub(crate) struct Tls {
    files: Files,
    /// Configuration of new connections. Its sessions are not resumed with another certificate.
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Does the handshake of a connection.
    ///
    /// # Errors
    ///
    /// If it fails, or takes longer than [`HANDSHAKE_TIMEOUT`].
    pub(crate) async fn accept<Io>(&self, io: Io) -> io::Result<TlsStream<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.config());
        timeout(HANDSHAKE_TIMEOUT, acceptor.accept(io)).await?
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again after each SIGHUP. From now on, this signal does not end the process.
    #[cfg(unix)]
    pub(crate) fn reload_on_hangup(self: Arc<Self>) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut hangups = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                let this = Arc::clone(&self);
                // Reading files may block.
                let _ = tokio::task::spawn_blocking(move || this.reload()).await;
            }
        });
        Ok(())
    }

    #[cfg(unix)]
    fn reload(&self) {
        match self.files.read() {
            Ok(config) => {
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
                tracing::info!(file = %self.files.certificate.display(), "certificate replaced");
            }
            Err(error) => {
                tracing::warn!("the old certificate is kept: {error:#}");
            }
        }
    }
}

/// Files of a certificate and its key.
#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    /// Reads and checks the files. Logs a warning if the certificate is not valid at this time.
    fn read(&self) -> Result<Arc<ServerConfig>> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain = read_chain(&self.certificate)
            .with_context(|| format!("cannot read the certificate {certificate}"))?;
        let private_key = PrivateKeyDer::from_pem_file(&self.key)
            .with_context(|| format!("cannot read the private key {key}"))?;
        let provider = Arc::new(ring::default_provider());
        if let Some(problem) = validity_problem(&provider, &chain) {
            tracing::warn!("{certificate}: {problem}");
        }
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, private_key);
        let mut config = match config {
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                anyhow::bail!("the key {key} does not belong to the certificate {certificate}")
            }
            config => config.with_context(|| {
                format!("cannot use the certificate {certificate} with the key {key}")
            })?,
        };
        config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
        Ok(Arc::new(config))
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let chain = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    ensure!(!chain.is_empty(), "there is no certificate in PEM");
    Ok(chain)
}

/// Returns the reason if the certificate is expired or not valid yet.
//
// The check of a client has the time first. Without roots of trust, it fails later for another reason.
fn validity_problem(
    provider: &CryptoProvider,
    chain: &[CertificateDer<'_>],
) -> Option<CertificateError> {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};

    let certificate = ParsedCertificate::try_from(chain.first()?).ok()?;
    let checked = verify_server_cert_signed_by_trust_anchor(
        &certificate,
        &RootCertStore::empty(),
        &[],
        UnixTime::now(),
        provider.signature_verification_algorithms.all,
    );
    match checked {
        Err(Error::InvalidCertificate(
            problem @ (Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }),
        )) => Some(problem),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn invalid_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["a", "b"] {
            let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            fs::write(path(name), identity.cert.pem()).unwrap();
            fs::write(
                path(name).with_extension("key"),
                identity.signing_key.serialize_pem(),
            )
            .unwrap();
        }
        fs::write(path("empty"), "").unwrap();
        let cut = fs::read_to_string(path("a")).unwrap();
        fs::write(path("cut"), &cut[..cut.len() / 2]).unwrap();
        let der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        fs::write(path("garbage"), der).unwrap();
        let read = |certificate: &str, key: &str| {
            let files = Files {
                certificate: path(certificate),
                key: path(key),
            };
            files.read().map_err(|error| format!("{error:#}"))
        };
        read("a", "a.key").unwrap();
        for (certificate, key, parts) in [
            (
                "a",
                "b.key",
                ["b.key does not belong to the certificate", "/a"],
            ),
            (
                "missing",
                "a.key",
                ["cannot read the certificate", "missing: "],
            ),
            (
                "empty",
                "a.key",
                ["empty: ", "there is no certificate in PEM"],
            ),
            ("cut", "a.key", ["cannot read the certificate", "cut: "]),
            (
                "garbage",
                "a.key",
                ["cannot use the certificate", "garbage with"],
            ),
            (
                "a",
                "missing.key",
                ["cannot read the private key", "missing.key: "],
            ),
            ("a", "a", ["cannot read the private key", "/a: "]),
        ] {
            let error = read(certificate, key).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_certificate_out_of_its_time_is_detected() {
        let provider = ring::default_provider();
        for (from, to, expected) in [
            (2020, 2021, Some("expired")),
            (2020, 4000, None),
            (3999, 4000, Some("not valid yet")),
        ] {
            let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let problem = validity_problem(&provider, &[certificate.der().clone()]);
            let problem = problem.map(|problem| problem.to_string());
            match expected {
                Some(text) => assert!(
                    problem.as_ref().is_some_and(|it| it.contains(text)),
                    "{problem:?}"
                ),
                None => assert_eq!(problem, None),
            }
        }
    }
}
