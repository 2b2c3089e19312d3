//! Options for NATS JetStream, through which several hubs share their events.

mod identity;

use core::time::Duration;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use clap::Args;
use sse_hub::{Hub, HubConfig};
use sse_hub_nats::JetStream;

use crate::{
    hub::{limits::at_least_one, nats::identity::Identity},
    seconds,
};

#[derive(Args)]
pub(crate) struct Nats {
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
        default_value_t = sse_hub_nats::NatsConfig::DEFAULT_MAX_EVENTS as usize,
        value_parser = at_least_one,
        requires = "nats"
    )]
    nats_keep_events: usize,
    /// Maximum number of bytes in the stream, which NATS reserves.
    #[arg(
        long,
        value_name = "BYTES",
        env = "SSE_HUB_NATS_KEEP_BYTES",
        default_value_t = sse_hub_nats::NatsConfig::DEFAULT_MAX_BYTES as usize,
        value_parser = at_least_one,
        requires = "nats"
    )]
    nats_keep_bytes: usize,
    /// Maximum age of an event in the stream, at least 0.1; by default, any.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SSE_HUB_NATS_KEEP_FOR",
        value_parser = seconds::parse,
        requires = "nats"
    )]
    nats_keep_for: Option<Duration>,
    /// Keep the stream in the memory of NATS, and not in files.
    #[arg(long, env = "SSE_HUB_NATS_IN_MEMORY", requires = "nats")]
    nats_in_memory: bool,
    #[command(flatten)]
    identity: Identity,
}

impl Nats {
    /// Returns a hub over NATS, or a hub in memory without `--nats`.
    pub(crate) fn hub(&self, config: HubConfig) -> Result<Hub> {
        let Some(addresses) = &self.nats else {
            return Ok(Hub::new(config));
        };
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
        let events = events.map_err(|error| anyhow!("--nats: {error}"))?;
        let (hub, follow) = Hub::with_backend(config, Arc::new(events));
        tokio::spawn(follow);
        Ok(hub)
    }

    fn stream(&self) -> sse_hub_nats::NatsConfig {
        let stream = sse_hub_nats::NatsConfig::new()
            .stream(&self.nats_stream)
            .replicas(self.nats_replicas)
            .max_events(self.nats_keep_events as u64)
            .max_bytes(self.nats_keep_bytes as u64)
            .max_age(self.nats_keep_for);
        let stream = match &self.nats_domain {
            Some(domain) => stream.domain(domain),
            None => stream,
        };
        match self.nats_in_memory {
            true => stream.in_memory(true),
            false => stream,
        }
    }
}
