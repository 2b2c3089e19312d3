//! Options of the connection to the server: timeout, proxy and certificates.

use core::time::Duration;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use sse_source::{Proxy, Transport};

use crate::{input, seconds};

#[derive(Args)]
pub(crate) struct Connection {
    /// Maximum time to connect, including TLS.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds::parse)]
    connect_timeout: Duration,
    /// Proxy for all requests: http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host if the proxy
    /// needs it. By default, `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY` names the proxy, and `NO_PROXY` the exceptions.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// PEM file with the certificates to trust, instead of those of this machine.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// PEM file with the client certificate, and its chain up to a certificate that the server trusts.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// PEM file with the private key of --cert; by default, the file of --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl Connection {
    pub(crate) fn transport(&self) -> Result<Transport> {
        let proxy = match &self.proxy {
            Some(proxy) => Proxy::all(proxy).context("--proxy")?,
            None => Proxy::from_env()?,
        };
        let mut builder = Transport::builder()
            .connect_timeout(Some(self.connect_timeout))
            .proxy(proxy);
        if let Some(file) = &self.cacert {
            builder = builder
                .root_certificates(&input::file(file)?)
                .with_context(|| format!("--cacert {}", file.display()))?;
        }
        if let Some(file) = &self.cert {
            let key = self.key.as_ref().unwrap_or(file);
            builder = builder
                .client_certificate(&input::file(file)?, &input::file(key)?)
                .with_context(|| format!("--cert {}, --key {}", file.display(), key.display()))?;
        }
        Ok(builder.build())
    }
}
