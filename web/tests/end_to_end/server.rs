//! The demo server, as a program that can be killed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use anyhow::{Context, Result};

/// On one port and one journal over all its lives.
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

    /// As hard as it gets: it has no time to say goodbye.
    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    pub(crate) fn start_again(&mut self) -> Result<()> {
        self.process = spawn(self.port, &self.journal)?;
        Ok(())
    }

    /// What was published before its end.
    pub(crate) fn forget(&self) -> Result<()> {
        fs::remove_file(&self.journal).context("there is no journal")
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
