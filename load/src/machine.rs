//! What a process asks of the machine: enough files, a core of its own, and the time.

use std::{fmt, fs};

use anyhow::{Context as _, Result};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Lets this process, and those that it starts, have at least this many open files.
///
/// # Errors
///
/// If the machine does not allow as many.
pub fn allow_files(files: u64) -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Only root may have more than the maximum.
    let limit = Some(maximum.unwrap_or(u64::MAX).max(files));
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Nofile, limit)
        .with_context(|| format!("{files} open files are needed: ulimit -Hn {files}"))
}

/// How many files a process may have open at most.
pub fn most_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Two cores that this process may use, one for the server and one for its clients; none if there is
/// only one.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// That of the server.
    pub server: Option<usize>,
    /// That of its clients.
    pub clients: Option<usize>,
}

impl Cores {
    /// Asks the kernel.
    ///
    /// # Errors
    ///
    /// If it does not say.
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
            Some(_) => "Server and clients on a core each.",
            None => "Server and clients share the only core.",
        })
    }
}

/// Keeps this thread, and those that it starts from now on, on this core, if it is to be one.
///
/// # Errors
///
/// If there is no such core for this process.
pub fn stay_on(core: Option<usize>) -> Result<()> {
    let Some(core) = core else {
        return Ok(());
    };
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("cannot stay on core {core}"))
}

/// Where the kernel has the priority of all that was started from one terminal.
const GROUP: &str = "/proc/self/autogroup";

/// While this value is, all that was started from this terminal goes before what else the machine has
/// to do, if the kernel lets us. Without it, whoever compiles something meanwhile is what is measured.
#[derive(Debug)]
pub struct Hurry {
    /// The priority to go back to.
    before: String,
}

impl Hurry {
    /// `None` if the kernel does not let us: only root may.
    pub fn start() -> Option<Self> {
        // Such as `/autogroup-25 nice 0`.
        let group = fs::read_to_string(GROUP).ok()?;
        let (_, before) = group.trim().rsplit_once(' ')?;
        fs::write(GROUP, "-20").ok()?;
        Some(Self {
            before: before.to_owned(),
        })
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        let _ = fs::write(GROUP, &self.before);
    }
}

/// Nanoseconds of a clock that all processes of the machine share.
pub fn nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // It begins when the machine does.
    let [seconds, nanoseconds] = [now.tv_sec, now.tv_nsec].map(i64::unsigned_abs);
    seconds * 1_000_000_000 + nanoseconds
}
