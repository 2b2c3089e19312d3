//! NATS and the nodes, and the times at which they are killed.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use tempfile::TempDir;
use testkit::{nats, port};
use tokio::time::sleep;

use super::board::Board;
use crate::process::Process;

/// Names of the servers: NATS, then the nodes.
const NAMES: [&str; 3] = ["NATS", "node 0", "node 1"];

pub(super) struct Servers {
    sse: PathBuf,
    kept: u64,
    folder: TempDir,
    ports: [u16; 3],
    processes: Vec<Option<Process>>,
}

/// Planned kill of a server.
pub(super) struct Death {
    /// Index of the server in [`NAMES`].
    server: usize,
    /// Number of published events at which the server is killed.
    at: u64,
    /// Time until the server is restarted.
    pause: Duration,
}

impl Servers {
    /// Starts all servers. Each node keeps `kept` events in memory.
    pub(super) async fn start(sse: &Path, kept: u64) -> Result<Self> {
        let mut servers = Self {
            sse: sse.to_owned(),
            kept,
            folder: TempDir::new()?,
            ports: [port::free()?, port::free()?, port::free()?],
            processes: vec![None, None, None],
        };
        for server in 0..NAMES.len() {
            servers.up(server).await?;
        }
        Ok(servers)
    }

    pub(super) fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports[0])
    }

    /// Returns the ports of the nodes.
    pub(super) fn ports(&self) -> [u16; 2] {
        [self.ports[1], self.ports[2]]
    }

    /// Plans one kill for each server, NATS first.
    pub(super) fn deaths(&self, events: u64, rng: &mut Rng) -> VecDeque<Death> {
        let mut at = 0;
        let deaths = (0..NAMES.len()).map(|server| {
            at += events / 5 + rng.u64(..events / 20 + 1);
            let pause = Duration::from_millis(rng.u64(100..1000));
            Death { server, at, pause }
        });
        deaths.collect()
    }

    /// Waits for the next kill or restart, does it, and returns a text about it.
    pub(super) async fn next_death(
        &mut self,
        deaths: &mut VecDeque<Death>,
        board: &Board,
    ) -> Result<String> {
        let Some(&Death { server, at, pause }) = deaths.front() else {
            return core::future::pending().await;
        };
        let name = NAMES[server];
        if self.processes[server].is_none() {
            sleep(pause).await;
            self.up(server).await?;
            deaths.pop_front();
            let published = board.published();
            return Ok(format!("{name} is back, after {published} events"));
        }
        board.wait_until(|board| board.published() >= at).await;
        if let Some(mut process) = self.processes[server].take() {
            let ended = process.ended_within(Duration::ZERO)?;
            ensure!(ended.is_none(), "{name} has ended by itself: {ended:?}");
            process.kill().context(name)?;
        }
        Ok(format!(
            "{name} is killed, after {} events",
            board.published()
        ))
    }

    /// Returns true if all servers were killed. The last one may not have restarted yet when all events are read.
    pub(super) fn have_died(&self, deaths: &VecDeque<Death>) -> bool {
        let is_down = |death: &Death| self.processes[death.server].is_none();
        deaths.len() <= 1 && deaths.iter().all(is_down)
    }

    async fn up(&mut self, server: usize) -> Result<()> {
        let mut command = if server == 0 {
            nats::command(self.ports[0], self.folder.path(), "")?
        } else {
            self.node(self.ports[server])
        };
        let mut process = Process::start(&mut command).with_context(|| {
            format!(
                "{} (Debian and Ubuntu: apt-get install nats-server)",
                NAMES[server]
            )
        })?;
        let listening = process.wait_until_listening(self.ports[server]);
        listening.await.with_context(|| format!("{command:?}"))?;
        self.processes[server] = Some(process);
        Ok(())
    }

    /// Returns the command of a node.
    fn node(&self, port: u16) -> Command {
        let mut command = Command::new(&self.sse);
        command
            .arg("hub")
            .args(["--log", "error"])
            .stdout(Stdio::null())
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--nats", &self.nats_url()])
            .args(["--publish-token", "nobody-does"])
            .args(["--keep-events", &self.kept.to_string()]);
        command
    }
}
