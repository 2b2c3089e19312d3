//! Ports for servers that are started by number.

use std::{
    env,
    fs::{self, File},
    hash::{BuildHasher as _, RandomState},
    io,
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::{FlockOperation, flock};

/// Above 10080, the last that browsers refuse to ask, and below those that Linux gives to clients: while a
/// server is dead, nobody is to take its port.
const FIRST: u16 = 10_100;
const COUNT: u64 = 22_000;

/// Locks of the ports that this process was given, held to its end.
static LOCKS: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Returns a port of 127.0.0.1 that nobody listens on, and that no other caller is given as long as this process
/// lives, also in other processes: a server may be started on it at any time.
///
/// # Errors
///
/// If there is none.
pub fn free() -> io::Result<u16> {
    free_row(1)
}

/// The first of so many, some dozens at most, that follow each other.
///
/// # Errors
///
/// If there is none.
pub fn free_row(count: u16) -> io::Result<u16> {
    /// Somewhere else for each process.
    static START: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()) % COUNT);
    static GIVEN: AtomicU64 = AtomicU64::new(0);
    let next = |_| {
        let place = *START + GIVEN.fetch_add(count.into(), Ordering::Relaxed);
        FIRST + (place % COUNT) as u16
    };
    for first in (0..COUNT).map(next) {
        let row = first..first + count;
        if row.clone().all(is_free)
            && let Some(locks) = row.map(lock).collect::<io::Result<Option<Vec<_>>>>()?
        {
            let mut all = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(locks);
            return Ok(first);
        }
    }
    Err(io::Error::other(format!("no {count} free ports in a row")))
}

/// Returns a lock on the port, unless another process has it.
fn lock(port: u16) -> io::Result<Option<File>> {
    fs::create_dir_all(folder())?;
    let file = File::create(folder().join(port.to_string()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Folder of the locks of ports, for all processes of the machine.
fn folder() -> PathBuf {
    env::temp_dir().join("sse-testkit-ports")
}

/// Not by listening there: a process that another thread is starting would have the socket too, until it
/// runs its program, and whoever waits for a server of theirs would take that for it.
fn is_free(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The other process is `flock` of util-linux.
    #[test]
    fn a_port_is_given_to_one_process() {
        let port = free_row(2).expect("two ports");
        for port in [port, port + 1] {
            let file = folder().join(port.to_string());
            let mut flock = Command::new("flock");
            let status = flock.arg("-n").arg(file).arg("true").status();
            assert_eq!(status.expect("flock").code(), Some(1));
            assert!(lock(port).expect("a lock or none").is_none());
        }
    }
}
