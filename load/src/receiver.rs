//! Handle of a program `receive-…`: a client in its own process.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{clients::Client, process::Process, program::Program, tally::Tally};

/// Client that receives on request.
#[derive(Debug)]
pub struct Receiver {
    program: Program,
}

impl Receiver {
    /// Starts the program on a core, from the folder of the programs. It sends no request yet.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not start.
    pub fn start(folder: &Path, client: Client, uri: &str, core: Option<usize>) -> Result<Self> {
        let mut command = Command::new(folder.join(format!("receive-{client}")));
        let mut program = Program::start_on(core, command.args(["--uri", uri]))?;
        program.answer("ready")?;
        Ok(Self { program })
    }

    /// Returns the process of the program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.program.process
    }

    /// Receives one response, and returns its tally.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no complete response.
    pub fn receive(&mut self) -> Result<Tally> {
        self.program.tell("receive")?;
        Ok(Tally {
            events: self.program.answer("events")?,
            bytes: self.program.answer("bytes")?,
            checksum: self.program.answer("checksum")?,
        })
    }
}
