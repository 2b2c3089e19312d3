//! Programs that run as long as a test.

use std::{
    fs::{self, File},
    io::Read,
    net::{Ipv4Addr, TcpStream},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use testkit::timeout::test_timeout;

use crate::folder;

/// Child process that is killed when this value is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self(
            child.with_context(|| format!("cannot run {command:?}"))?,
        ))
    }

    /// Starts a command, and waits until it listens on this port.
    pub fn listening(command: &mut Command, port: u16) -> Result<Self> {
        let mut process = Self::start(command)?;
        wait_until(test_timeout(), &format!("port {port} is open"), || {
            if let Some(status) = process.0.try_wait()? {
                bail!("{command:?} has ended: {status}");
            }
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
        })?;
        Ok(process)
    }

    /// Waits until the process has ended, and returns its status.
    pub fn ended_within(&mut self, limit: Duration) -> Result<ExitStatus> {
        wait_until(limit, "the process ends", || {
            Ok(self.0.try_wait()?.is_some())
        })?;
        Ok(self.0.wait()?)
    }

    /// Returns whether the process has not ended yet.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }

    /// Returns the pipe from the process, if its command has one and this is the first call.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// Returns the process ID.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end, and returns its output.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    // Not the stderr of this process, because node makes a pipe non-blocking for all processes that share it.
    let complaints = folder::scratch("client")?.join("stderr");
    command
        .stdout(Stdio::piped())
        .stderr(File::create(&complaints)?);
    let mut process = Process::start(command)?;
    let mut pipe = process.take_stdout().context("its output")?;
    let reader = spawn(move || {
        let mut printed = Vec::new();
        pipe.read_to_end(&mut printed).map(|_| printed)
    });
    wait_until(test_timeout(), &format!("{command:?} ends"), || {
        Ok(reader.is_finished())
    })?;
    let status = process.0.wait()?;
    let complaints = fs::read_to_string(complaints)?;
    ensure!(status.success(), "{command:?}: {status}: {complaints}");
    let Ok(printed) = reader.join() else {
        bail!("cannot read the output of {command:?}")
    };
    Ok(printed?)
}

/// Waits until the condition holds, and returns the elapsed time. Returns an error after the limit.
pub fn wait_until(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> Result<bool>,
) -> Result<Duration> {
    let start = Instant::now();
    while !condition()? {
        ensure!(
            start.elapsed() < limit,
            "timeout after {limit:?} before {what}"
        );
        sleep(Duration::from_millis(20));
    }
    Ok(start.elapsed())
}
