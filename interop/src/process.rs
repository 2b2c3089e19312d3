//! Programs that run as long as a test does.

use std::{
    fs::{self, File},
    io::Read,
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use testkit::timeout::test_timeout;

use crate::folder;

/// A program that is ended when this is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self(
            child.with_context(|| format!("cannot run {command:?}"))?,
        ))
    }

    /// Starts it, and waits until it listens on this port.
    pub fn listening(command: &mut Command, port: u16) -> Result<Self> {
        let mut process = Self::start(command)?;
        wait_until(test_timeout(), "it listens", || {
            if let Some(status) = process.0.try_wait()? {
                bail!("{command:?} has ended: {status}");
            }
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
        })?;
        Ok(process)
    }

    /// Waits until it has ended.
    pub fn ended_within(&mut self, limit: Duration) -> Result<ExitStatus> {
        wait_until(limit, "it ends", || Ok(self.0.try_wait()?.is_some()))?;
        Ok(self.0.wait()?)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a client to its end, and gives what it prints.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    // Not our own stderr: node makes a pipe non-blocking for all that share it.
    let complaints = folder::scratch("client")?.join("stderr");
    command
        .stdout(Stdio::piped())
        .stderr(File::create(&complaints)?);
    let mut process = Process::start(command)?;
    let mut pipe = process.0.stdout.take().context("its output")?;
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
        bail!("cannot read what {command:?} prints")
    };
    Ok(printed?)
}

/// Asks again and again, and gives the time that it took.
pub fn wait_until(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> Result<bool>,
) -> Result<Duration> {
    let start = Instant::now();
    while !condition()? {
        ensure!(
            start.elapsed() < limit,
            "in vain waited {limit:?} until {what}"
        );
        sleep(Duration::from_millis(20));
    }
    Ok(start.elapsed())
}
