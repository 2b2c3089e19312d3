//! The program `serve` at work.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::{process::Process, program::Program, servers::Library};

/// A server that publishes when it is told to.
#[derive(Debug)]
pub struct Server {
    program: Program,
    port: u16,
}

impl Server {
    /// Starts it on a core, and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn start(path: &Path, library: Library, core: Option<usize>) -> Result<Self> {
        let core = core.map(|core| core.to_string());
        let mut arguments = vec!["--library", library.name(), "--port", "0"];
        if let Some(core) = &core {
            arguments.extend(["--core", core]);
        }
        let mut program = Program::start(path, &arguments)?;
        let port = u16::try_from(program.answer("listening")?)?;
        Ok(Self { program, port })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it is to the kernel.
    pub fn process(&mut self) -> &mut Process {
        &mut self.program.process
    }

    /// Publishes this many events at once.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn publish(&mut self, events: u64) -> Result<()> {
        self.program.tell(&format!("publish {events}"))
    }

    /// Fails if some subscriber lagged behind.
    ///
    /// # Errors
    ///
    /// With how many events were missed.
    pub fn has_missed_nothing(&mut self) -> Result<()> {
        self.program.tell("missed")?;
        let missed = self.program.answer("missed")?;
        ensure!(
            missed == 0,
            "{missed} events were missed by who lagged behind"
        );
        Ok(())
    }
}
