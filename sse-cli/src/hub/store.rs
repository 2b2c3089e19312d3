//! Options for a file that keeps the events, so that a restart loses none.

use core::time::Duration;
use std::{env, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, builder::BoolishValueParser};
use sse_hub_redb::{RedbConfig, RedbStore};

use crate::{hub::options::at_least_one, parse};

/// Name of the file with the events of the Mercure protocol.
const MERCURE_FILE: &str = "mercure.redb";

/// Environment variable with the folder for the state of a service, which systemd sets.
const STATE_DIRECTORY: &str = "STATE_DIRECTORY";

/// Options for the file.
#[allow(clippy::doc_markdown, reason = "the texts are shown in a terminal")]
#[derive(Args)]
pub(crate) struct StoreOptions {
    /// File that keeps the events, so that clients resume also after a restart of the hub. It is created if it is
    /// missing.
    ///
    /// An event is published when it is on the disk. The retention options such as --keep-events limit the memory of
    /// this server; events beyond them are read from the file. With --mercure and without --nats, the default is
    /// mercure.redb in $STATE_DIRECTORY or in the current folder.
    #[arg(long, value_name = "FILE", env = "SSE_HUB_STORE")]
    store: Option<PathBuf>,
    /// Keep the events in memory, also with --mercure.
    #[arg(
        long,
        env = "SSE_HUB_NO_STORE",
        value_parser = BoolishValueParser::new(),
        conflicts_with = "store"
    )]
    no_store: bool,
    /// Maximum number of events in the file.
    #[arg(
        long,
        value_name = "N",
        env = "SSE_HUB_STORE_KEEP_EVENTS",
        default_value_t = RedbConfig::DEFAULT_MAX_EVENTS as usize,
        value_parser = at_least_one
    )]
    store_keep_events: usize,
    /// Maximum number of bytes of the events in the file. The file may be twice as large.
    #[arg(
        long,
        value_name = "BYTES",
        env = "SSE_HUB_STORE_KEEP_BYTES",
        default_value_t = RedbConfig::DEFAULT_MAX_BYTES as usize,
        value_parser = at_least_one
    )]
    store_keep_bytes: usize,
    /// Maximum age of an event in the file; by default, any.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SSE_HUB_STORE_KEEP_FOR",
        value_parser = parse::seconds
    )]
    store_keep_for: Option<Duration>,
}

impl StoreOptions {
    /// Opens the file. `None` if the events are kept in memory or in NATS.
    pub(crate) fn open(&self, is_mercure: bool, is_over_nats: bool) -> Result<Option<RedbStore>> {
        ensure!(
            !(is_over_nats && self.store.is_some()),
            "--nats and --store: the events are kept either in NATS or in a file"
        );
        let Some(path) = self.path(is_mercure && !is_over_nats) else {
            return Ok(None);
        };
        let config = RedbConfig::new()
            .max_events(self.store_keep_events as u64)
            .max_bytes(self.store_keep_bytes as u64)
            .max_age(self.store_keep_for);
        let store = RedbStore::open(&path, config);
        let store = store.with_context(|| format!("cannot keep events in {}", path.display()))?;
        tracing::info!("events are kept in {}", path.display());
        Ok(Some(store))
    }

    fn path(&self, is_mercure: bool) -> Option<PathBuf> {
        match &self.store {
            Some(path) => Some(path.clone()),
            None if self.no_store || !is_mercure => None,
            None => {
                let folder = env::var_os(STATE_DIRECTORY).map_or_else(PathBuf::new, PathBuf::from);
                Some(folder.join(MERCURE_FILE))
            }
        }
    }
}
