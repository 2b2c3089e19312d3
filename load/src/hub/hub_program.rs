//! Running `sse hub`.

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, ToSocketAddrs as _},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::process::Process;

/// Running `sse hub`, which ends when this value is dropped.
#[derive(Debug)]
pub struct HubProgram {
    /// Process of the program.
    pub process: Process,
    /// Address at which it listens.
    pub address: SocketAddr,
}

impl HubProgram {
    /// Returns the command of a hub that listens at a free port of 127.0.0.1. `path` is that of `sse`.
    pub fn command(path: &Path, max_subscribers: usize) -> Command {
        let mut command = Command::new(path);
        command
            .args(["hub", "--listen", "127.0.0.1:0"])
            .args(["--max-subscribers", &max_subscribers.to_string()]);
        command
    }

    /// Starts a hub, and waits until it listens.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not listen.
    pub fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Process::start(command)?;
        let stdout = process.child().stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line
            .trim()
            .strip_prefix("http://")
            .and_then(|rest| rest.split('/').next())
            .with_context(|| format!("no address in {line:?}"))?;
        let mut addresses = address.to_socket_addrs()?;
        Ok(Self {
            process,
            address: addresses.next().context("no address")?,
        })
    }
}
