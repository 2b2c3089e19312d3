//! A program in a process of its own, seen from outside.

use std::{
    env,
    io::Read as _,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::seen::{Memory, Seen};

/// Builds programs of the workspace, optimised, and says in which folder they are. `LOAD_PROGRAMS` may
/// name a folder that has them, optimised or not: then nothing is built.
///
/// # Errors
///
/// If cargo cannot build them.
pub fn built(what: &[&str]) -> Result<PathBuf> {
    if let Some(folder) = env::var_os("LOAD_PROGRAMS") {
        return Ok(folder.into());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--release"])
        .args(what)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo build {}: {status}", what.join(" "));
    let here = env::current_exe()?;
    // A program of a debug build finds the optimised one, too.
    let folder = here.parent().and_then(|profile| profile.parent());
    let folder = folder.context("this program lies outside of a target folder")?;
    Ok(folder.join("release"))
}

/// A process, which ends with this value.
#[derive(Debug)]
pub struct Process {
    child: Child,
    complaints: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a command. What it writes to its standard error is kept.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let complaints = Arc::<Mutex<String>>::default();
        if let Some(mut errors) = child.stderr.take() {
            let complaints = Arc::clone(&complaints);
            thread::spawn(move || {
                let mut bytes = [0; 1024];
                while let Ok(length @ 1..) = errors.read(&mut bytes) {
                    let mut complaints = complaints.lock().unwrap_or_else(PoisonError::into_inner);
                    complaints.push_str(&String::from_utf8_lossy(&bytes[..length]));
                }
            });
        }
        Ok(Self { child, complaints })
    }

    /// The process's pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Fails if it has ended, or has written to its standard error.
    ///
    /// # Errors
    ///
    /// With what it wrote.
    pub fn is_well(&mut self) -> Result<()> {
        let complaints = self.complaints.lock();
        let complaints = complaints.unwrap_or_else(PoisonError::into_inner);
        ensure!(complaints.is_empty(), "it says:\n{complaints}");
        let status = self.child.try_wait()?;
        ensure!(status.is_none(), "it has ended: {status:?}");
        Ok(())
    }

    /// What the kernel shows of it.
    pub fn seen(&self) -> Seen {
        Seen(self.child.id())
    }

    /// Its memory.
    ///
    /// # Errors
    ///
    /// If there is no `/proc`.
    pub fn memory(&self) -> Result<Memory> {
        self.seen().memory()
    }

    /// The time that its first thread has run, with what the kernel did for it meanwhile.
    ///
    /// # Errors
    ///
    /// If there is no `/proc`.
    pub fn ran(&self) -> Result<Duration> {
        self.seen().first_thread_ran()
    }

    /// Limits the memory that the process may allocate, in bytes. An allocation beyond it fails.
    ///
    /// # Errors
    ///
    /// If the process has ended, or the kernel has no such limit.
    pub fn limit_memory(&self, bytes: u64) -> Result<()> {
        let limit = Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        };
        let process = Some(Pid::from_child(&self.child));
        prlimit(process, Resource::Data, limit).context("cannot limit memory")?;
        Ok(())
    }

    /// Sends SIGTERM.
    ///
    /// # Errors
    ///
    /// If the process has ended.
    pub fn terminate(&self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("SIGTERM")
    }

    /// Sends SIGKILL, and waits until it has ended by that.
    ///
    /// # Errors
    ///
    /// If it has ended before, by anything else.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("SIGKILL")?;
        let status = self.child.wait()?;
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        ensure!(killed, "it was not killed, but has ended: {status}");
        Ok(())
    }

    /// Waits until it has ended; `None` if that takes longer than this.
    ///
    /// # Errors
    ///
    /// If there is no such process.
    pub fn ended_within(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || start.elapsed() > patience {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
