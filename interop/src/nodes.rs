//! Several demo servers, which have the same events over NATS.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use anyhow::Result;
use testkit::{Item, contract};

use crate::{
    folder,
    process::{Process, free_port},
    server,
};

/// A NATS of one's own, which can be killed and comes back.
#[derive(Debug)]
pub struct Nats {
    port: u16,
    folder: PathBuf,
    process: Option<Process>,
}

impl Nats {
    /// Starts it, with nothing in it.
    pub fn start() -> Result<Self> {
        let mut nats = Self {
            port: free_port()?,
            folder: folder::scratch("nats")?,
            process: None,
        };
        nats.start_again()?;
        Ok(nats)
    }

    /// As hard as it gets: what it has not written is gone.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it where it was.
    pub fn start_again(&mut self) -> Result<()> {
        let mut command = Command::new("nats-server");
        command.args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string()]);
        command.arg("-sd").arg(&self.folder);
        let log = File::create(self.folder.join("log"))?;
        command.stdout(log.try_clone()?).stderr(log);
        self.process = Some(Process::listening(&mut command, self.port)?);
        Ok(())
    }
}

/// One of two demo servers.
#[derive(Debug)]
pub struct Node {
    port: u16,
    process: Option<Process>,
}

impl Node {
    /// Starts the first or the second.
    pub fn start(number: u16, nats: &Nats) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(folder::prepared("node")?);
        command.args(["--number", &number.to_string(), "--of", "2"]);
        command.args(["--nats", &format!("nats://127.0.0.1:{}", nats.port)]);
        command.args(["--port", &port.to_string(), "--page", "no page"]);
        Ok(Self {
            port,
            process: Some(Process::listening(&mut command, port)?),
        })
    }

    /// It has no time to say goodbye.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Reads its events, all that it has to offer or those behind this one.
    pub fn listen(&self, last_event_id: Option<u64>) -> Result<Listener> {
        let printed = folder::scratch("listener")?.join("events.sse");
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--no-buffer"]);
        if let Some(id) = last_event_id {
            curl.args(["--header", &format!("Last-Event-ID: {id}")]);
        }
        curl.arg(server::url(self.port, "/events"));
        curl.stdout(File::create(&printed)?);
        Ok(Listener {
            _curl: Process::start(&mut curl)?,
            printed,
        })
    }
}

/// Somebody who reads the events of a node.
#[derive(Debug)]
pub struct Listener {
    _curl: Process,
    printed: PathBuf,
}

impl Listener {
    /// What it has read so far.
    pub fn events(&self) -> Result<Vec<Item>> {
        Ok(contract::events(&fs::read(&self.printed)?))
    }
}
