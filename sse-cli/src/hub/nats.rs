//! NATS JetStream, where all servers of a hub have their events from.

mod identity;

use std::sync::Arc;

use anyhow::{Result, anyhow};
use clap::Args;
use sse_hub::{Hub, Settings};
use sse_hub_nats::JetStream;

use crate::hub::nats::identity::Identity;

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
    /// The stream, whose events have the subject NAME.events. If there is none, it is made: in files,
    /// with up to a million events and 1 GiB.
    #[arg(
        long,
        value_name = "NAME",
        env = "SSE_HUB_NATS_STREAM",
        default_value = "sse",
        requires = "nats"
    )]
    nats_stream: String,
    #[command(flatten)]
    identity: Identity,
}

impl Nats {
    /// In the memory of this process, if nothing else is said.
    pub(crate) fn hub(&self, settings: Settings) -> Result<Hub> {
        let Some(addresses) = &self.nats else {
            return Ok(Hub::new(settings));
        };
        let stream = sse_hub_nats::Settings::new().with_stream(&self.nats_stream);
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
}
