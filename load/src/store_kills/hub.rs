//! The hub: a command `sse hub --store`, which is killed and started again on the same port and file.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{hub_publisher::PUBLISH_TOKEN, process::Process};

/// Number of events that the hub keeps in memory. Subscribers that have missed more get them from the file.
pub(super) const MEMORY_EVENTS: u64 = 1_000;

/// Limits of the file that no run reaches.
const FILE_LIMITS: [(&str, u64); 2] = [
    ("--store-keep-events", 1_000_000_000),
    ("--store-keep-bytes", 1 << 40),
];

/// Hub that is killed.
pub(super) struct Hub {
    sse: PathBuf,
    folder: TempDir,
    port: u16,
    process: Process,
    /// Longest time from a start until the hub listened.
    pub(super) slowest_start: Duration,
}

impl Hub {
    /// Starts the hub with a new file.
    pub(super) fn start(sse: &Path) -> Result<Self> {
        let (folder, port) = (TempDir::new()?, testkit::port::free()?);
        Ok(Self {
            process: Process::start(&mut command(sse, folder.path(), port))?,
            sse: sse.to_owned(),
            folder,
            port,
            slowest_start: Duration::ZERO,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the hub listens.
    pub(super) async fn wait_until_listening(&mut self) -> Result<()> {
        let start = Instant::now();
        self.process.wait_until_listening(self.port).await?;
        self.slowest_start = self.slowest_start.max(start.elapsed());
        Ok(())
    }

    /// Sends SIGKILL and starts the hub again. Returns an error if it has ended by itself, or has reported an error.
    pub(super) fn kill_and_restart(&mut self) -> Result<()> {
        self.process.check_health().context("sse hub")?;
        self.process.kill()?;
        let mut command = command(&self.sse, self.folder.path(), self.port);
        self.process = Process::start(&mut command)?;
        Ok(())
    }

    /// Returns the length of the file in bytes.
    pub(super) fn file_bytes(&self) -> Result<u64> {
        Ok(file(self.folder.path()).metadata()?.len())
    }
}

fn command(sse: &Path, folder: &Path, port: u16) -> Command {
    let mut command = Command::new(sse);
    command
        .arg("hub")
        .args(["--log", "error"])
        .stdout(Stdio::null())
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--publish-token", PUBLISH_TOKEN])
        .args(["--keep-events", &MEMORY_EVENTS.to_string()])
        .args(["--keep-per-topic", "0"])
        .arg("--store")
        .arg(file(folder));
    for (option, limit) in FILE_LIMITS {
        command.args([option, &limit.to_string()]);
    }
    command
}

fn file(folder: &Path) -> PathBuf {
    folder.join("events.redb")
}
