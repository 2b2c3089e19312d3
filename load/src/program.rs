//! Programs of this crate as child processes, which read commands and write answers line by line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::process::Process;

/// Process that reads commands and writes answers.
#[derive(Debug)]
pub struct Program {
    /// Process of the program.
    pub process: Process,
    answers: BufReader<ChildStdout>,
}

impl Program {
    /// Starts the program with the argument `--core`, if there is a core.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such program.
    pub fn start_on(core: Option<usize>, command: &mut Command) -> Result<Self> {
        if let Some(core) = core {
            command.args(["--core", &core.to_string()]);
        }
        Self::start(command)
    }

    /// Starts the program on the core of this process.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such program.
    pub fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(command)?;
        let answers = process
            .child()
            .stdout
            .take()
            .context("no standard output")?;
        Ok(Self {
            process,
            answers: BufReader::new(answers),
        })
    }

    /// Sends an order.
    ///
    /// # Errors
    ///
    /// Returns an error if the program has ended.
    pub fn send(&mut self, line: &str) -> Result<()> {
        let input = self.process.child().stdin.as_mut();
        let input = input.context("no standard input")?;
        Ok(input.write_all(format!("{line}\n").as_bytes())?)
    }

    /// Waits for an answer with this name and a number, and returns the number.
    ///
    /// # Errors
    ///
    /// Returns an error for any other answer, and if the program has ended.
    pub fn answer(&mut self, name: &str) -> Result<u64> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let number = line.strip_prefix(name).and_then(number);
        if number.is_none() {
            self.process.check_health()?;
        }
        number.with_context(|| format!("expected {name:?}, received {line:?}"))
    }
}

/// Parses a whole number, and ignores white space around it.
#[expect(clippy::disallowed_methods, reason = "these numbers have no sign")]
pub fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
