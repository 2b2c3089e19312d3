//! stdout, and whether somebody still reads it.

use core::{error, fmt};
use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};

/// Nobody reads stdout any more, as behind `| head -1`. No reason to complain.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stdout is closed")
    }
}

impl error::Error for Closed {}

/// Writes it all, so that it is there at once.
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

/// Ends when stdout is a pipe that nobody reads any more: otherwise it would take another event to
/// find that out.
#[cfg(unix)]
pub(crate) async fn closed() {
    use rustix::event::{PollFd, PollFlags, poll};

    let (sender, receiver) = tokio::sync::oneshot::channel();
    // No runtime waits for this thread when all else is over.
    std::thread::spawn(move || {
        let stdout = io::stdout();
        // Errors are told without being asked for, and only those.
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

/// Elsewhere, the next event finds it out.
#[cfg(not(unix))]
pub(crate) async fn closed() {
    core::future::pending().await
}
