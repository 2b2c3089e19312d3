//! A program of this crate at work, and talking to it: lines in, lines out.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::{number::number, process::Process};

/// A process that takes lines and answers with lines.
#[derive(Debug)]
pub struct Program {
    /// What it is to the kernel.
    pub process: Process,
    answers: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it, and has it stay on this core, if it is to be one.
    ///
    /// # Errors
    ///
    /// If there is no such program.
    pub fn start_on(core: Option<usize>, command: &mut Command) -> Result<Self> {
        if let Some(core) = core {
            command.args(["--core", &core.to_string()]);
        }
        Self::start(command)
    }

    /// Starts it where this process is.
    ///
    /// # Errors
    ///
    /// If there is no such program.
    pub fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(command)?;
        let answers = process.child().stdout.take().context("it has no output")?;
        Ok(Self {
            process,
            answers: BufReader::new(answers),
        })
    }

    /// Tells it something.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.process.child().stdin.as_mut();
        let input = input.context("it has no input")?;
        Ok(input.write_all(format!("{line}\n").as_bytes())?)
    }

    /// Waits for an answer with this name, which is a number.
    ///
    /// # Errors
    ///
    /// If it says something else, or nothing any more.
    pub fn answer(&mut self, name: &str) -> Result<u64> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let number = line.strip_prefix(name).and_then(number);
        if number.is_none() {
            self.process.is_well()?;
        }
        number.with_context(|| format!("no {name}, but {line:?}"))
    }
}
