//! NATS JetStream, where all servers of a hub have their events from.

mod identity;

use core::time::Duration;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use clap::Args;
use sse_hub::{Hub, Settings};
use sse_hub_nats::JetStream;

use crate::{
    hub::{limits::at_least_one, nats::identity::Identity},
    seconds,
};

#[derive(Args)]
pub(crate) struct Nats {
    /// Keep the events in NATS JetStream, so that many of these servers have the same; several addresses
    /// with commas between them.
    ///
    /// With tls:// the connection is encrypted. A user and password, or a token, stand before the host, as in
    /// `tls://user:password@host` and `tls://token@host`, with all but letters and digits percent-encoded; each
    /// address has its own. Then it is better given in the environment. Until NATS is there, /healthz answers
    /// 503. What --keep-events and the like say holds for the memory of this server; what is not there any
    /// more, it fetches from NATS.
    #[arg(long, value_name = "URL", env = "SSE_HUB_NATS", hide_env_values = true)]
    nats: Option<String>,
    /// Name of the stream, whose events have subjects below NAME.events. If it is missing, it is made with the limits
    /// and replicas below. An existing stream keeps its own, and a warning says how they differ.
    #[arg(
        long,
        value_name = "NAME",
        env = "SSE_HUB_NATS_STREAM",
        default_value = "sse",
        requires = "nats"
    )]
    nats_stream: String,
    /// JetStream domain that has the stream; by default, that of the server.
    #[arg(
        long,
        value_name = "NAME",
        env = "SSE_HUB_NATS_DOMAIN",
        requires = "nats"
    )]
    nats_domain: Option<String>,
    /// Number of servers of a NATS cluster that keep the stream: 3 survive the loss of one.
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
        default_value_t = sse_hub_nats::Settings::DEFAULT_MAX_EVENTS as usize,
        value_parser = at_least_one,
        requires = "nats"
    )]
    nats_keep_events: usize,
    /// Maximum number of bytes in the stream. NATS reserves them.
    #[arg(
        long,
        value_name = "BYTES",
        env = "SSE_HUB_NATS_KEEP_BYTES",
        default_value_t = sse_hub_nats::Settings::DEFAULT_MAX_BYTES as usize,
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
    /// Keep the stream in the memory of NATS, not in files.
    #[arg(long, env = "SSE_HUB_NATS_IN_MEMORY", requires = "nats")]
    nats_in_memory: bool,
    #[command(flatten)]
    identity: Identity,
}

impl Nats {
    /// In the memory of this process, if nothing else is said.
    pub(crate) fn hub(&self, settings: Settings) -> Result<Hub> {
        let Some(addresses) = &self.nats else {
            return Ok(Hub::new(settings));
        };
        let stream = self.stream();
        // What is wrong from the beginning is told now.
        self.identity.options()?;
        let identity = self.identity.clone();
        let options = move || {
            identity.options().unwrap_or_else(|error| {
                tracing::error!("{error:#}");
                // Credentials of an address must not go over a connection that is not encrypted.
                identity.without_credentials()
            })
        };
        let events = JetStream::with_options(addresses, stream, options);
        let events = events.map_err(|error| anyhow!("--nats: {error}"))?;
        let (hub, follow) = Hub::with_backend(settings, Arc::new(events));
        tokio::spawn(follow);
        Ok(hub)
    }

    fn stream(&self) -> sse_hub_nats::Settings {
        let stream = sse_hub_nats::Settings::new()
            .with_stream(&self.nats_stream)
            .with_replicas(self.nats_replicas)
            .with_max_events(self.nats_keep_events as u64)
            .with_max_bytes(self.nats_keep_bytes as u64)
            .with_max_age(self.nats_keep_for);
        let stream = match &self.nats_domain {
            Some(domain) => stream.with_domain(domain),
            None => stream,
        };
        match self.nats_in_memory {
            true => stream.in_memory(),
            false => stream,
        }
    }
}
