//! Several demo servers, which share their events over NATS.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use anyhow::Result;
use testkit::{Item, contract, nats::Nats, port};

use crate::{folder, process::Process, server};

/// One of two demo servers.
#[derive(Debug)]
pub struct Node {
    port: u16,
    process: Option<Process>,
}

impl Node {
    /// Starts the first or the second server.
    pub fn start(number: u16, nats: &Nats) -> Result<Self> {
        let port = port::free()?;
        let mut command = Command::new(folder::prepared("node")?);
        command.args(["--number", &number.to_string(), "--of", "2"]);
        command.args(["--nats", &nats.url()]);
        command.args(["--port", &port.to_string(), "--page", "no page"]);
        Ok(Self {
            port,
            process: Some(Process::listening(&mut command, port)?),
        })
    }

    /// Kills the server, which cannot end its streams first.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Subscribes to the events of the server: those after this ID, or all that it keeps.
    pub fn listen(&self, last_event_id: Option<&str>) -> Result<Listener> {
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

/// Client that reads the events of a node.
#[derive(Debug)]
pub struct Listener {
    _curl: Process,
    printed: PathBuf,
}

impl Listener {
    /// Returns the events that the client has read up to now, without `position` events.
    pub fn events(&self) -> Result<Vec<Item>> {
        let mut events = contract::events(&fs::read(&self.printed)?);
        events.retain(
            |event| !matches!(event, Item::Event { event_type, .. } if event_type == "position"),
        );
        Ok(events)
    }
}
