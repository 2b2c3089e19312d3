//! Credentials of this server for NATS, and root certificates for the servers of NATS.

use std::{fs, path::Path, path::PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use nkeys::KeyPair;
use sse_hub_nats::async_nats::ConnectOptions;

/// Options for credentials and certificates. Their files are read again for each connection.
#[derive(Args, Clone)]
pub(crate) struct Identity {
    /// User for NATS, unless the address has credentials.
    #[arg(
        long,
        value_name = "NAME",
        env = "SSE_HUB_NATS_USER",
        requires_all = ["nats", "nats_password"]
    )]
    nats_user: Option<String>,
    /// Password of --nats-user.
    ///
    /// Other users of this machine can see command lines, so set it in the environment instead.
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "SSE_HUB_NATS_PASSWORD",
        hide_env_values = true,
        requires = "nats_user"
    )]
    nats_password: Option<String>,
    /// Token for NATS, unless the address has credentials.
    ///
    /// Other users of this machine can see command lines, so set it in the environment instead.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SSE_HUB_NATS_TOKEN",
        hide_env_values = true,
        requires = "nats",
        conflicts_with = "nats_user"
    )]
    nats_token: Option<String>,
    /// Credentials file for NATS, with a JWT and the seed of its nkey, as nsc writes it. The file is read again for
    /// each connection.
    #[arg(
        long,
        value_name = "FILE",
        env = "SSE_HUB_NATS_CREDENTIALS",
        requires = "nats",
        conflicts_with_all = ["nats_user", "nats_token"]
    )]
    nats_credentials: Option<PathBuf>,
    /// File with the seed of an nkey for NATS. The file is read again for each connection.
    #[arg(
        long,
        value_name = "FILE",
        env = "SSE_HUB_NATS_NKEY",
        requires = "nats",
        conflicts_with_all = ["nats_user", "nats_token", "nats_credentials"]
    )]
    nats_nkey: Option<PathBuf>,
    /// PEM file with the client certificate for NATS. The connection is then always encrypted.
    #[arg(
        long,
        value_name = "FILE",
        env = "SSE_HUB_NATS_CERT",
        requires_all = ["nats", "nats_key"]
    )]
    nats_cert: Option<PathBuf>,
    /// PEM file with the private key of the client certificate.
    #[arg(
        long,
        value_name = "FILE",
        env = "SSE_HUB_NATS_KEY",
        requires = "nats_cert"
    )]
    nats_key: Option<PathBuf>,
    /// PEM file with the root certificates to trust for NATS; by default, those of this machine. With this option,
    /// the connection is always encrypted.
    #[arg(long, value_name = "FILE", env = "SSE_HUB_NATS_CA", requires = "nats")]
    nats_ca: Option<PathBuf>,
}

impl Identity {
    /// Returns the options for a connection. No error quotes a secret.
    pub(crate) fn options(&self) -> Result<ConnectOptions> {
        let mut options = self.without_credentials();
        if let (Some(user), Some(password)) = (&self.nats_user, &self.nats_password) {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if let Some(token) = &self.nats_token {
            options = options.token(token.clone());
        }
        if let Some(file) = &self.nats_credentials {
            let text = read("--nats-credentials", file)?;
            let with_credentials = options.credentials(&text);
            options = with_credentials.with_context(|| at("--nats-credentials", file))?;
        }
        if let Some(file) = &self.nats_nkey {
            let text = read("--nats-nkey", file)?;
            let mut words = text.split_whitespace();
            let seed = words.find(|it| KeyPair::from_seed(it).is_ok());
            let seed = seed.with_context(|| at("--nats-nkey", file) + ": no seed in it")?;
            options = options.nkey(seed.to_owned());
        }
        if let (Some(cert), Some(key)) = (&self.nats_cert, &self.nats_key) {
            check("--nats-cert", cert, "CERTIFICATE-----")?;
            check("--nats-key", key, "PRIVATE KEY-----")?;
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        if let Some(file) = &self.nats_ca {
            check("--nats-ca", file, "CERTIFICATE-----")?;
            options = options.add_root_certificates(file.clone());
        }
        Ok(options)
    }

    /// Returns options without credentials. The connection is encrypted if there are certificates.
    pub(crate) fn without_credentials(&self) -> ConnectOptions {
        ConnectOptions::new().require_tls(self.nats_cert.is_some() || self.nats_ca.is_some())
    }
}

fn at(option: &str, file: &Path) -> String {
    format!("{option}: {}", file.display())
}

fn read(option: &str, file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| at(option, file))
}

/// Checks that a PEM file has an item with this label.
fn check(option: &str, file: &Path, label: &str) -> Result<()> {
    let is_there = read(option, file)?.contains(label);
    ensure!(is_there, "{}: no `{label}` in it", at(option, file));
    Ok(())
}
