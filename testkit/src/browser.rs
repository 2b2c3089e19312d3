//! Options of browsers in tests, and a limit on the number of browsers that run at the same time.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

/// Options that start Chromium without a window and without network requests of its own.
///
/// They also turn off the sandbox, which does not work for root.
pub const CHROMIUM: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Interval at which to look for a free slot.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Permit to run one browser. It is released when it is dropped, or when the process ends in any way.
#[derive(Debug)]
pub struct Slot {
    /// Holds the lock of the slot.
    _file: File,
}

/// Waits for a permit to run one browser.
///
/// There are as many slots as cores, for all threads and processes that share a target folder. With more browsers at
/// the same time, each of them would be slower, and all together no faster.
///
/// # Errors
///
/// If the target folder cannot be written to.
pub fn slot() -> io::Result<Slot> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    slot_of(&folder(), cores)
}

/// Returns the folder of the slots in the target folder of the workspace.
fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join(target).join("browser-slots")
}

/// Waits for one of `count` slots in the folder.
fn slot_of(folder: &Path, count: usize) -> io::Result<Slot> {
    fs::create_dir_all(folder)?;
    loop {
        for number in 0..count {
            // Opened again each time, because the threads of a process would share the lock of one open file.
            let file = File::create(folder.join(number.to_string()))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Slot { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        thread::sleep(RETRY_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        process::{Command, id},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    const COUNT: usize = 2;

    fn scratch(name: &str) -> PathBuf {
        env::temp_dir().join(format!("{name}-{}", id()))
    }

    #[test]
    fn threads_share_the_slots() {
        let folder = scratch("slots-of-threads");
        let (held, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _slot = slot_of(&folder, COUNT).expect("a slot");
                    let now = held.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(20));
                    held.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        let most = most.into_inner();
        assert!((1..=COUNT).contains(&most), "{most} at a time");
        fs::remove_dir_all(folder).expect("a folder");
    }

    /// Uses `flock` of util-linux as the other process.
    #[test]
    fn processes_share_the_slots() {
        let folder = scratch("slots-of-processes");
        let slots = [0; COUNT].map(|_| slot_of(&folder, COUNT).expect("a slot"));
        let another_process_gets_one = || {
            (0..COUNT).any(|number| {
                let mut flock = Command::new("flock");
                flock
                    .arg("--nonblock")
                    .arg(folder.join(number.to_string()))
                    .arg("true");
                flock.status().expect("flock").success()
            })
        };
        assert!(!another_process_gets_one());
        drop(slots);
        assert!(another_process_gets_one());
        fs::remove_dir_all(folder).expect("a folder");
    }
}
