//! Free ports for servers that get their port as an argument.

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

/// First port of the range.
///
/// The range is above 10080, the last port that browsers refuse to connect to. It is also below the ports that Linux
/// gives to clients, because no client may take the port of a server that is dead.
const FIRST_PORT: u16 = 10_100;
/// Number of ports in the range.
const PORT_COUNT: u64 = 22_000;

/// Locks of the ports that this process was given. They are held until it ends.
static LOCKS: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Returns a port of 127.0.0.1 on which no program listens.
///
/// No other caller, in this process or another, gets the port until this process ends. So a server can be started on
/// it at any time.
///
/// # Errors
///
/// If there is no free port.
pub fn free() -> io::Result<u16> {
    free_row(1)
}

/// Returns the first of `count` consecutive free ports. `count` is at most a few dozen.
///
/// # Errors
///
/// If there are not enough free ports in a row.
pub fn free_row(count: u16) -> io::Result<u16> {
    /// Random start for each process.
    static START: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()) % PORT_COUNT);
    static GIVEN: AtomicU64 = AtomicU64::new(0);
    let next = |_| {
        let place = *START + GIVEN.fetch_add(count.into(), Ordering::Relaxed);
        FIRST_PORT + (place % PORT_COUNT) as u16
    };
    for first in (0..PORT_COUNT).map(next) {
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

/// Returns the folder of the port locks, which all processes of the machine share.
fn folder() -> PathBuf {
    env::temp_dir().join("sse-testkit-ports")
}

/// Returns whether no program listens on the port, by connecting to it.
///
/// It must not listen there instead: a process that another thread is starting would inherit the socket until it runs
/// its program. A caller that waits for its own server would take that socket for the server.
fn is_free(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Uses `flock` of util-linux as the other process.
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
