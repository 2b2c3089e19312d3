//! Handle of the program `serve`, with either allocator.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Result, ensure};
use testkit::timeout::test_timeout;

use crate::{
    process::Process,
    process::{Memory, ProcStat},
    program::Program,
    servers::Library,
};

/// Allocator of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// Default allocator of a program.
    Glibc,
    /// Allocator that returns memory to the kernel by itself, here after a second.
    Jemalloc,
}

impl Allocator {
    /// Returns the command of the server.
    fn server_command(self, programs: &Path) -> Command {
        let program = match self {
            Self::Glibc => "serve",
            Self::Jemalloc => "serve-jemalloc",
        };
        self.command(programs.join(program))
    }

    /// Returns the command of a program with the options of jemalloc, which glibc ignores.
    pub(crate) fn command(self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.env(
            "_RJEM_MALLOC_CONF",
            "background_thread:true,narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0",
        );
        command
    }
}

impl fmt::Display for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Glibc => "glibc",
            Self::Jemalloc => "jemalloc",
        })
    }
}

/// Server that publishes on request.
#[derive(Debug)]
pub struct Server {
    program: Program,
    port: u16,
    /// Processes that serve: the program itself, or the processes that it started.
    processes: Vec<ProcStat>,
    is_elsewhere: bool,
}

impl Server {
    /// Starts the server on a core, and waits until it listens.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not listen.
    pub fn start(path: &Path, library: Library, core: Option<usize>) -> Result<Self> {
        Self::start_command(&mut Command::new(path), library, core)
    }

    /// Starts the server with this allocator, from the folder of the programs, and waits until it listens.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not listen.
    pub fn start_with(
        allocator: Allocator,
        programs: &Path,
        library: Library,
        core: Option<usize>,
    ) -> Result<Self> {
        Self::start_command(&mut allocator.server_command(programs), library, core)
    }

    fn start_command(command: &mut Command, library: Library, core: Option<usize>) -> Result<Self> {
        command.args(["--library", library.name(), "--port", "0"]);
        let mut program = Program::start_on(core, command)?;
        let port = u16::try_from(program.answer("listening")?)?;
        let itself = program.process.stat();
        let processes = if library.is_elsewhere() {
            itself.descendants()?
        } else {
            vec![itself]
        };
        Ok(Self {
            program,
            port,
            processes,
            is_elsewhere: library.is_elsewhere(),
        })
    }

    /// Returns the port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the process of the program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.program.process
    }

    /// Returns the memory of all processes that serve.
    ///
    /// # Errors
    ///
    /// Returns an error if one of them has ended.
    pub fn memory(&self) -> Result<Memory> {
        self.processes.iter().map(ProcStat::memory).sum()
    }

    /// Returns the processor time of all processes that serve, including the time of the kernel for them.
    ///
    /// # Errors
    ///
    /// Returns an error if one of them has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        self.processes.iter().map(ProcStat::cpu_time).sum()
    }

    /// Publishes this number of events at once.
    ///
    /// # Errors
    ///
    /// Returns an error if the server has ended.
    pub fn publish(&mut self, events: u64) -> Result<()> {
        self.program.send(&format!("publish {events}"))
    }

    /// Publishes one event of this length.
    ///
    /// # Errors
    ///
    /// Returns an error if the server has ended.
    pub fn publish_long(&mut self, length: u64) -> Result<()> {
        self.program.send(&format!("publish 1 {length}"))
    }

    /// Checks that no subscriber missed an event.
    ///
    /// # Errors
    ///
    /// Returns an error with the number of missed events otherwise.
    pub fn has_missed_nothing(&mut self) -> Result<()> {
        self.program.send("missed")?;
        let missed = self.program.answer("missed")?;
        ensure!(missed == 0, "subscribers lagged and missed {missed} events");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_elsewhere {
            // At the end of its input, the program ends the other processes.
            drop(self.process().child().stdin.take());
            let _ = self.process().ended_within(test_timeout());
        }
    }
}
