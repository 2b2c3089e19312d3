//! Child processes: starting, watching and ending them.

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

/// Builds programs of the workspace with optimisations, and returns their folder. `what` are arguments of cargo.
///
/// If `LOAD_PROGRAMS` is set, it names a folder with the programs, optimised or not, and nothing is built.
///
/// # Errors
///
/// Returns an error if cargo fails.
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
    // A program of a debug build also finds the optimised one.
    let folder = here.parent().and_then(|profile| profile.parent());
    let folder = folder.context("this program is not in a target folder")?;
    Ok(folder.join("release"))
}

/// Child process, which is killed when this value is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    complaints: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a command. Keeps its output to standard error.
    ///
    /// # Errors
    ///
    /// Returns an error if the command cannot be started.
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

    /// Returns the child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Checks that the process still runs, and has written nothing to its standard error.
    ///
    /// # Errors
    ///
    /// Returns an error with the output or the exit status otherwise.
    pub fn is_well(&mut self) -> Result<()> {
        let complaints = self.complaints.lock();
        let complaints = complaints.unwrap_or_else(PoisonError::into_inner);
        ensure!(complaints.is_empty(), "the process printed:\n{complaints}");
        let status = self.child.try_wait()?;
        ensure!(status.is_none(), "the process has ended: {status:?}");
        Ok(())
    }

    /// Returns the view of the process in `/proc`.
    pub fn seen(&self) -> Seen {
        Seen(self.child.id())
    }

    /// Returns the memory of the process.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no `/proc`.
    pub fn memory(&self) -> Result<Memory> {
        self.seen().memory()
    }

    /// Returns the processor time of the first thread, including the time of the kernel for it.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no `/proc`.
    pub fn ran(&self) -> Result<Duration> {
        self.seen().first_thread_ran()
    }

    /// Limits the memory that the process may allocate, in bytes. An allocation beyond it fails.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended, or the kernel has no such limit.
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
    /// Returns an error if the process has ended.
    pub fn terminate(&self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("SIGTERM")
    }

    /// Sends SIGKILL, and waits until the process has ended.
    ///
    /// # Errors
    ///
    /// Returns an error if the process ended for another reason.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("SIGKILL")?;
        let status = self.child.wait()?;
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        ensure!(killed, "the process ended before it was killed: {status}");
        Ok(())
    }

    /// Waits until the process has ended, and returns its status, or `None` after the timeout.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such process.
    pub fn ended_within(&mut self, timeout: Duration) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || start.elapsed() > timeout {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
