//! Limit of open files, cores, priority and clock of this process.

use std::{fmt, fs};

use anyhow::{Context as _, Result};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Raises the limit of open files of this process, and of its children, to at least this number.
///
/// # Errors
///
/// Returns an error if the machine does not allow that number.
pub fn raise_open_files(files: u64) -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Only root may have more than the maximum.
    let limit = Some(maximum.unwrap_or(u64::MAX).max(files));
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Nofile, limit)
        .with_context(|| format!("cannot open {files} files; raise the limit: ulimit -Hn {files}"))
}

/// Returns the maximum number of open files of a process.
pub fn max_open_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// One core for the server and one for its clients, or no core if this process may use only one.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Core of the server.
    pub server: Option<usize>,
    /// Core of the clients.
    pub clients: Option<usize>,
}

impl Cores {
    /// Chooses two of the cores that this process may use.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel does not report the cores.
    pub fn find() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let (server, clients) = cores.next().zip(cores.next()).unzip();
        Ok(Self { server, clients })
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.server {
            Some(_) => "Server and clients have one core each.",
            None => "Server and clients share the only core.",
        })
    }
}

/// Keeps this thread, and the threads that it starts later, on this core. Does nothing for `None`.
///
/// # Errors
///
/// Returns an error if this process may not use the core.
pub fn pin_to_core(core: Option<usize>) -> Result<()> {
    let Some(core) = core else {
        return Ok(());
    };
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("cannot stay on core {core}"))
}

/// File with the priority of all processes that were started from this terminal.
const AUTOGROUP_PATH: &str = "/proc/self/autogroup";

/// High priority for all processes of this terminal, until this value is dropped. Otherwise a compiler that runs
/// meanwhile would change the results.
#[derive(Debug)]
pub struct HighPriority {
    /// Priority to restore.
    before: String,
}

impl HighPriority {
    /// Raises the priority. Returns `None` if the kernel does not allow it: only root may raise it.
    pub fn start() -> Option<Self> {
        // For example `/autogroup-25 nice 0`.
        let group = fs::read_to_string(AUTOGROUP_PATH).ok()?;
        let (_, before) = group.trim().rsplit_once(' ')?;
        fs::write(AUTOGROUP_PATH, "-20").ok()?;
        Some(Self {
            before: before.to_owned(),
        })
    }
}

impl Drop for HighPriority {
    fn drop(&mut self) {
        let _ = fs::write(AUTOGROUP_PATH, &self.before);
    }
}

/// Returns the time in nanoseconds, from a clock that all processes of the machine share.
pub fn nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Never negative, because the clock starts when the machine starts.
    let [seconds, nanoseconds] = [now.tv_sec, now.tv_nsec].map(i64::unsigned_abs);
    seconds * 1_000_000_000 + nanoseconds
}
