//! The program `serve` at work, by either allocator.

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
    program::Program,
    seen::{Memory, Seen},
    servers::Library,
};

/// Where a server's memory comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// What a program has that asks for nothing else.
    Glibc,
    /// What gives back memory by itself, here after a second.
    Jemalloc,
}

impl Allocator {
    /// The program, and what jemalloc is told, which glibc does not care for.
    fn command(self, programs: &Path) -> Command {
        let program = match self {
            Self::Glibc => "serve",
            Self::Jemalloc => "serve-jemalloc",
        };
        self.tell(programs.join(program))
    }

    /// A program that has it, told the same.
    pub(crate) fn tell(self, program: PathBuf) -> Command {
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

/// A server that publishes when it is told to.
#[derive(Debug)]
pub struct Server {
    program: Program,
    port: u16,
    /// Those that serve: the program itself, or what it started elsewhere.
    processes: Vec<Seen>,
    is_elsewhere: bool,
}

impl Server {
    /// Starts it on a core, and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn start(path: &Path, library: Library, core: Option<usize>) -> Result<Self> {
        Self::start_command(&mut Command::new(path), library, core)
    }

    /// The same, out of the folder of the programs, with an allocator.
    ///
    /// # Errors
    ///
    /// If it does not listen.
    pub fn start_with(
        allocator: Allocator,
        programs: &Path,
        library: Library,
        core: Option<usize>,
    ) -> Result<Self> {
        Self::start_command(&mut allocator.command(programs), library, core)
    }

    fn start_command(command: &mut Command, library: Library, core: Option<usize>) -> Result<Self> {
        command.args(["--library", library.name(), "--port", "0"]);
        let mut program = Program::start_on(core, command)?;
        let port = u16::try_from(program.answer("listening")?)?;
        let itself = program.process.seen();
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

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it is to the kernel.
    pub fn process(&mut self) -> &mut Process {
        &mut self.program.process
    }

    /// Its memory, of all that serve.
    ///
    /// # Errors
    ///
    /// If one has ended.
    pub fn memory(&self) -> Result<Memory> {
        self.processes.iter().map(Seen::memory).sum()
    }

    /// The time that all threads have run of all that serve, with what the kernel did for them.
    ///
    /// # Errors
    ///
    /// If one has ended.
    pub fn ran(&self) -> Result<Duration> {
        self.processes.iter().map(Seen::ran).sum()
    }

    /// Publishes this many events at once.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn publish(&mut self, events: u64) -> Result<()> {
        self.program.tell(&format!("publish {events}"))
    }

    /// Publishes one event of this length.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn publish_long(&mut self, length: u64) -> Result<()> {
        self.program.tell(&format!("publish 1 {length}"))
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

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_elsewhere {
            // The end of its input is what makes it end the others.
            drop(self.process().child().stdin.take());
            let _ = self.process().ended_within(test_timeout());
        }
    }
}
