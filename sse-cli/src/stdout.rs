//! Output to stdout, and detection that its reader has closed it.

use core::{error, fmt};
use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};

/// Error for a stdout whose reader has closed it, as `| head -1` does. The command then ends with success.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stdout is closed")
    }
}

impl error::Error for Closed {}

/// Writes all bytes and flushes stdout, so that the reader gets them at once.
pub(crate) fn write(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
        result => result.context("cannot write to stdout"),
    }
}

pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Completes when stdout is a pipe whose reader has closed it. Without this, only the next event would show that.
#[cfg(unix)]
pub(crate) async fn closed() {
    use rustix::event::{PollFd, PollFlags, poll};

    let (sender, receiver) = tokio::sync::oneshot::channel();
    // The runtime does not wait for this thread when the command ends.
    std::thread::spawn(move || {
        let stdout = io::stdout();
        // Without flags, `poll` reports errors only.
        let mut stdout = [PollFd::new(&stdout, PollFlags::empty())];
        while let Err(rustix::io::Errno::INTR) = poll(&mut stdout, None) {}
        if stdout[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
        {
            let _ = sender.send(());
        }
    });
    if receiver.await.is_err() {
        core::future::pending().await
    }
}

/// Never completes on other systems: there, the write of the next event fails.
#[cfg(not(unix))]
pub(crate) async fn closed() {
    core::future::pending().await
}
