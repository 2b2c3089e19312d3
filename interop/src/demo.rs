//! The demo server, which is killed and restarted.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;
use testkit::{Item, contract, port, timeout::test_timeout};

use crate::{
    folder,
    process::{Process, wait_until},
    server,
};

/// Demo server, which keeps its port and its journal when it is restarted.
#[derive(Debug)]
pub struct Demo {
    port: u16,
    folder: PathBuf,
    process: Option<Process>,
}

impl Demo {
    /// Starts the server without a page and with an empty journal.
    pub fn start() -> Result<Self> {
        let mut demo = Self {
            port: port::free()?,
            folder: folder::scratch("demo")?,
            process: None,
        };
        demo.start_again()?;
        Ok(demo)
    }

    /// Returns the URL of the events.
    pub fn url(&self) -> String {
        server::url(self.port, "/events")
    }

    /// Kills the server, which cannot end its streams first.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts the server again, on its port and with its journal.
    pub fn start_again(&mut self) -> Result<()> {
        let mut command = Command::new(folder::prepared("web")?);
        command.args(["--port", &self.port.to_string()]);
        command.arg("--page").arg(&self.folder);
        command.arg("--journal").arg(self.journal());
        self.process = Some(Process::listening(&mut command, self.port)?);
        wait_until(test_timeout(), "the demo writes a journal", || {
            Ok(self.journal().exists())
        })?;
        Ok(())
    }

    /// Returns all events of the journal.
    pub fn published(&self) -> Result<Vec<Item>> {
        Ok(contract::events(&fs::read(self.journal())?))
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("events.sse")
    }
}
