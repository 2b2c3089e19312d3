//! Keys of issuers that are read from URLs while the hub runs.

use core::time::Duration;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use sse_mercure::KeySet;
use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::hub::mercure::issuers::JwkSetSource;

/// Time after which a set is read again.
const REFRESH_INTERVAL: Duration = Duration::from_secs(3600);

/// Minimum time between two requests for a set. A client with an unknown key ID cannot cause more.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(30);

/// Maximum time for one request.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a set, in bytes.
const MAX_SET_BYTES: u64 = 256 * 1024;

/// Requests that the sets are read again, because an issuer has a new key.
pub(crate) struct Refresher(Arc<Notify>);

impl Refresher {
    /// Reads all sets once, and then again from time to time.
    ///
    /// The hub starts without the keys of a set that cannot be read: the issuer may start after the hub.
    pub(crate) async fn start(sources: Vec<JwkSetSource>) -> Self {
        let request = Arc::new(Notify::new());
        if sources.is_empty() {
            return Self(request);
        }
        let sources = Arc::new(sources);
        refresh(&sources).await;
        let requested = Arc::clone(&request);
        tokio::spawn(async move {
            loop {
                sleep(MIN_REFRESH_INTERVAL).await;
                let rest = REFRESH_INTERVAL.saturating_sub(MIN_REFRESH_INTERVAL);
                // A request and the end of the time have the same effect.
                let _ = timeout(rest, requested.notified()).await;
                refresh(&sources).await;
            }
        });
        Self(request)
    }

    /// Requests that the sets are read again. Returns at once.
    pub(crate) fn request(&self) {
        self.0.notify_one();
    }
}

async fn refresh(sources: &Arc<Vec<JwkSetSource>>) {
    let sources = Arc::clone(sources);
    let work = spawn_blocking(move || {
        for source in &*sources {
            match fetch(source) {
                Ok(keys) => source.issuer.set_keys(source.role, keys),
                Err(error) => {
                    tracing::warn!(url = source.url, "cannot read the keys: {error:#}");
                }
            }
        }
    });
    // The work does not panic.
    let _ = work.await;
}

fn fetch(source: &JwkSetSource) -> Result<KeySet> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(FETCH_TIMEOUT))
        .build();
    let mut response = ureq::Agent::new_with_config(config)
        .get(&source.url)
        .call()?;
    let body = response.body_mut().with_config().limit(MAX_SET_BYTES);
    let json = body.read_to_vec().context("cannot read the response")?;
    Ok(KeySet::from_jwks(&json, &source.algorithms)?)
}
