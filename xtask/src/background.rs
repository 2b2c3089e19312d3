//! Programs that run in the background.

use std::{
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, ExitStatus},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use testkit::timeout::test_timeout;

/// Program that runs until this is dropped.
pub(crate) struct Background(Child);

impl Background {
    /// Starts the program, and waits until it listens on the port.
    pub(crate) fn start(command: &mut Command, port: u16) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let mut started = Self(child);
        let (start, limit) = (Instant::now(), test_timeout());
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = started.ended()? {
                bail!("{command:?}: {status}");
            }
            if start.elapsed() > limit {
                bail!("{command:?} does not listen on port {port}");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(started)
    }

    /// Returns the exit status, or `None` if the program still runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Returns the process ID.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
