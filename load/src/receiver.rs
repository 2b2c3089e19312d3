//! A program `receive-…` at work: a client in a process of its own.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{clients::Client, process::Process, program::Program, tally::Tally};

/// A client that receives when it is told to.
#[derive(Debug)]
pub struct Receiver {
    program: Program,
}

impl Receiver {
    /// Starts it on a core, out of the folder of the programs. It asks for nothing yet.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(folder: &Path, client: Client, uri: &str, core: Option<usize>) -> Result<Self> {
        let mut command = Command::new(folder.join(format!("receive-{client}")));
        let mut program = Program::start_on(core, command.args(["--uri", uri]))?;
        program.answer("ready")?;
        Ok(Self { program })
    }

    /// What it is to the kernel.
    pub fn process(&mut self) -> &mut Process {
        &mut self.program.process
    }

    /// Has it receive one response.
    ///
    /// # Errors
    ///
    /// If it has no response, or not to its end.
    pub fn receive(&mut self) -> Result<Tally> {
        self.program.tell("receive")?;
        Ok(Tally {
            events: self.program.answer("events")?,
            bytes: self.program.answer("bytes")?,
            checksum: self.program.answer("checksum")?,
        })
    }
}
