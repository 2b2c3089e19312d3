//! NATS JetStream, through which several hubs share their events: options, and the hub over it.

use core::time::Duration;
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use nkeys::KeyPair;
use sse_hub_nats::{JetStream, NatsConfig, async_nats::ConnectOptions};

use crate::{hub::options::at_least_one, parse};

/// Options for NATS.
#[derive(Args)]
pub(crate) struct NatsOptions {
    /// Address of NATS, or several with commas between them. The events are kept in JetStream, so that several hubs
    /// share them.
    ///
    /// With tls:// the connection is encrypted. A user and password, or a token, come before the host, as in
    /// `tls://user:password@host` and `tls://token@host`. All characters but letters and digits are percent-encoded.
    /// Each address has its own credentials; with credentials, set this option in the environment instead. While NATS
    /// is not connected, /healthz answers 503. The retention options such as --keep-events limit the memory of this
    /// server; events beyond them are fetched from NATS.
    #[arg(long, value_name = "URL", env = "SSE_HUB_NATS", hide_env_values = true)]
    nats: Option<String>,
    /// Name of the stream; its events have subjects below NAME.events. A missing stream is created with the limits
    /// and replicas below. An existing one keeps its settings, and a warning lists the differences.
    #[arg(
        long,
        value_name = "NAME",
        env = "SSE_HUB_NATS_STREAM",
        default_value = "sse",
        requires = "nats"
    )]
    nats_stream: String,
    /// JetStream domain of the stream; by default, the domain of the server.
    #[arg(
        long,
        value_name = "NAME",
        env = "SSE_HUB_NATS_DOMAIN",
        requires = "nats"
    )]
    nats_domain: Option<String>,
    /// Number of servers of a NATS cluster that keep the stream; with 3, it survives the loss of one server.
    #[arg(
        long,
        value_name = "N",
        env = "SSE_HUB_NATS_REPLICAS",
        default_value_t = 1,
        value_parser = at_least_one,
        requires = "nats"
    )]
    nats_replicas: usize,
    /// Maximum number of events in the stream.
    #[arg(
        long,
        value_name = "N",
        env = "SSE_HUB_NATS_KEEP_EVENTS",
        default_value_t = NatsConfig::DEFAULT_MAX_EVENTS as usize,
        value_parser = at_least_one,
        requires = "nats"
    )]
    nats_keep_events: usize,
    /// Maximum number of bytes in the stream, which NATS reserves.
    #[arg(
        long,
        value_name = "BYTES",
        env = "SSE_HUB_NATS_KEEP_BYTES",
        default_value_t = NatsConfig::DEFAULT_MAX_BYTES as usize,
        value_parser = at_least_one,
        requires = "nats"
    )]
    nats_keep_bytes: usize,
    /// Maximum age of an event in the stream, at least 0.1; by default, any.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SSE_HUB_NATS_KEEP_FOR",
        value_parser = parse::seconds,
        requires = "nats"
    )]
    nats_keep_for: Option<Duration>,
    /// Keep the stream in the memory of NATS, and not in files.
    #[arg(long, env = "SSE_HUB_NATS_IN_MEMORY", requires = "nats")]
    nats_in_memory: bool,
    #[command(flatten)]
    identity: IdentityOptions,
}

impl NatsOptions {
    /// Returns whether the events are kept in NATS.
    pub(crate) fn is_set(&self) -> bool {
        self.nats.is_some()
    }

    /// Returns the events in NATS.
    pub(crate) fn events(&self) -> Result<JetStream> {
        let addresses = self.nats.as_deref().unwrap_or_default();
        let stream = self.stream();
        // Reports invalid options at start, and not only with the first connection.
        self.identity.options()?;
        let identity = self.identity.clone();
        let options = move || {
            identity.options().unwrap_or_else(|error| {
                tracing::error!("{error:#}");
                // The address may have credentials, which must not be sent over an unencrypted connection.
                identity.without_credentials()
            })
        };
        let events = JetStream::with_options(addresses, stream, options);
        events.map_err(|error| anyhow!("--nats: {error}"))
    }

    fn stream(&self) -> NatsConfig {
        let config = NatsConfig::new()
            .stream(&self.nats_stream)
            .replicas(self.nats_replicas)
            .max_events(self.nats_keep_events as u64)
            .max_bytes(self.nats_keep_bytes as u64)
            .max_age(self.nats_keep_for)
            .in_memory(self.nats_in_memory);
        match &self.nats_domain {
            Some(domain) => config.domain(domain),
            None => config,
        }
    }
}

/// Options for credentials and certificates. Their files are read again for each connection.
#[derive(Args, Clone)]
struct IdentityOptions {
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

impl IdentityOptions {
    /// Returns the options for a connection. No error quotes a secret.
    fn options(&self) -> Result<ConnectOptions> {
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
            options = with_credentials.with_context(|| place("--nats-credentials", file))?;
        }
        if let Some(file) = &self.nats_nkey {
            let text = read("--nats-nkey", file)?;
            let mut words = text.split_whitespace();
            let seed = words.find(|word| KeyPair::from_seed(word).is_ok());
            let seed = seed.with_context(|| place("--nats-nkey", file) + ": no seed in it")?;
            options = options.nkey(seed.to_owned());
        }
        if let (Some(cert), Some(key)) = (&self.nats_cert, &self.nats_key) {
            check_pem("--nats-cert", cert, "CERTIFICATE-----")?;
            check_pem("--nats-key", key, "PRIVATE KEY-----")?;
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        if let Some(file) = &self.nats_ca {
            check_pem("--nats-ca", file, "CERTIFICATE-----")?;
            options = options.add_root_certificates(file.clone());
        }
        Ok(options)
    }

    /// Returns options without credentials. The connection is encrypted if there are certificates.
    fn without_credentials(&self) -> ConnectOptions {
        ConnectOptions::new().require_tls(self.nats_cert.is_some() || self.nats_ca.is_some())
    }
}

fn place(option: &str, file: &Path) -> String {
    format!("{option}: {}", file.display())
}

fn read(option: &str, file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| place(option, file))
}

/// Checks that a PEM file has an item with this label.
fn check_pem(option: &str, file: &Path, label: &str) -> Result<()> {
    let is_there = read(option, file)?.contains(label);
    ensure!(is_there, "{}: no `{label}` in it", place(option, file));
    Ok(())
}
