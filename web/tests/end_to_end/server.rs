//! The demo server as a child process that a test can kill.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use anyhow::{Context, Result};

/// A demo server. It keeps its port and its journal across restarts.
pub(crate) struct Server {
    port: u16,
    journal: PathBuf,
    process: Child,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let port = testkit::port::free()?;
        let journal = format!("events-{port}.sse");
        let journal = Path::new(env!("CARGO_TARGET_TMPDIR")).join(journal);
        if journal.exists() {
            fs::remove_file(&journal)?;
        }
        let process = spawn(port, &journal)?;
        Ok(Self {
            port,
            journal,
            process,
        })
    }

    /// Kills the process, without a graceful shutdown.
    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    pub(crate) fn restart(&mut self) -> Result<()> {
        self.process = spawn(self.port, &self.journal)?;
        Ok(())
    }

    /// Deletes the journal, and with it the events of the stopped server.
    pub(crate) fn delete_journal(&self) -> Result<()> {
        fs::remove_file(&self.journal).context("cannot delete the journal")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_file(&self.journal);
    }
}

fn spawn(port: u16, journal: &Path) -> Result<Child> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/page");
    Command::new(env!("CARGO_BIN_EXE_web"))
        .arg("--port")
        .arg(port.to_string())
        .arg("--page")
        .arg(page)
        .arg("--journal")
        .arg(journal)
        .spawn()
        .context("cannot start the demo server")
}
