//! Programs that run beside this one.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus},
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};

/// What programs may listen on, up to where Linux has the ports of clients.
const FIRST_PORT: u16 = 10_000;
const FIRST_CLIENT_PORT: u16 = 32_768;

/// A program that runs until this is dropped.
pub(crate) struct Background(Child);

impl Background {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(command: &mut Command, port: u16) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let mut started = Self(child);
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = started.ended()? {
                bail!("{command:?}: {status}");
            }
            if start.elapsed() > Duration::from_secs(60) {
                bail!("{command:?} does not listen on port {port}");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(started)
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// What to kill it by.
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

/// The first of so many free ports that follow each other. Not of those that the system gives to
/// clients: a server that goes down and comes back has to find its own still free.
pub(crate) fn free_ports(count: u16) -> Result<u16> {
    let ports = (FIRST_PORT..FIRST_CLIENT_PORT - count).step_by(count.into());
    let somewhere = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos() as usize;
    let somewhere = somewhere % ports.len();
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    ports
        .clone()
        .skip(somewhere)
        .chain(ports)
        .find(|port| (*port..port + count).all(is_free))
        .with_context(|| format!("no {count} free ports in a row"))
}
