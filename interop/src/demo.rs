//! The demo server, which dies and comes back.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;
use testkit::{Item, contract, port, timeout::test_timeout};

use crate::{
    folder,
    process::{Process, wait_until},
    server,
};

/// One port and one journal, over all its lives.
#[derive(Debug)]
pub struct Demo {
    port: u16,
    folder: PathBuf,
    process: Option<Process>,
}

impl Demo {
    /// Starts it, without a page and without events of earlier days.
    pub fn start() -> Result<Self> {
        let mut demo = Self {
            port: port::free()?,
            folder: folder::scratch("demo")?,
            process: None,
        };
        demo.start_again()?;
        Ok(demo)
    }

    /// Where its events are.
    pub fn url(&self) -> String {
        server::url(self.port, "/events")
    }

    /// As hard as it gets: it has no time to say goodbye.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it where it was.
    pub fn start_again(&mut self) -> Result<()> {
        let mut command = Command::new(folder::prepared("web")?);
        command.args(["--port", &self.port.to_string()]);
        command.arg("--page").arg(&self.folder);
        command.arg("--journal").arg(self.journal());
        self.process = Some(Process::listening(&mut command, self.port)?);
        wait_until(test_timeout(), "it keeps a journal", || {
            Ok(self.journal().exists())
        })?;
        Ok(())
    }

    /// All events so far.
    pub fn published(&self) -> Result<Vec<Item>> {
        Ok(contract::events(&fs::read(self.journal())?))
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("events.sse")
    }
}
