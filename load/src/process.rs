//! Child processes: starting, watching and ending them; and the view of any process in `/proc`.

use std::{
    env, fs,
    io::{self, Read as _},
    iter::Sum,
    net::Ipv4Addr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Error, Result, ensure};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use testkit::timeout::test_timeout;
use tokio::{net::TcpStream, time::sleep};

use crate::program::number;

/// Builds programs of the workspace with optimisations, and returns their folder. `what` are arguments of cargo.
///
/// If `LOAD_PROGRAMS` is set, it names a folder with the programs, optimised or not, and nothing is built.
///
/// # Errors
///
/// Returns an error if cargo fails.
pub fn built(what: &[&str]) -> Result<PathBuf> {
    if let Some(folder) = env::var_os("LOAD_PROGRAMS") {
        return Ok(folder.into());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--release"])
        .args(what)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo build {}: {status}", what.join(" "));
    let here = env::current_exe()?;
    // A program of a debug build also finds the optimised one.
    let folder = here.parent().and_then(|profile| profile.parent());
    let folder = folder.context("this program is not in a target folder")?;
    Ok(folder.join("release"))
}

/// Child process, which is killed when this value is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stderr: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a command. Keeps its output to standard error.
    ///
    /// # Errors
    ///
    /// Returns an error if the command cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let stderr = Arc::<Mutex<String>>::default();
        if let Some(mut errors) = child.stderr.take() {
            let stderr = Arc::clone(&stderr);
            thread::spawn(move || {
                let mut bytes = [0; 1024];
                while let Ok(length @ 1..) = errors.read(&mut bytes) {
                    let mut stderr = stderr.lock().unwrap_or_else(PoisonError::into_inner);
                    stderr.push_str(&String::from_utf8_lossy(&bytes[..length]));
                }
            });
        }
        Ok(Self { child, stderr })
    }

    /// Returns the child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Checks that the process still runs, and has written nothing to its standard error.
    ///
    /// # Errors
    ///
    /// Returns an error with the output or the exit status otherwise.
    pub fn check_health(&mut self) -> Result<()> {
        let stderr = self.stderr.lock();
        let stderr = stderr.unwrap_or_else(PoisonError::into_inner);
        ensure!(stderr.is_empty(), "the process printed:\n{stderr}");
        let status = self.child.try_wait()?;
        ensure!(status.is_none(), "the process has ended: {status:?}");
        Ok(())
    }

    /// Waits until the process accepts connections on this port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Returns an error if the process ends before that, or does not listen in time.
    pub async fn wait_until_listening(&mut self, port: u16) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .is_err()
        {
            if self.child.try_wait()?.is_some() {
                self.check_health()?;
            }
            let limit = test_timeout();
            ensure!(
                start.elapsed() < limit,
                "the process does not listen on port {port} within {limit:?}"
            );
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Returns the view of the process in `/proc`.
    pub fn stat(&self) -> ProcStat {
        ProcStat(self.child.id())
    }

    /// Returns the memory of the process.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no `/proc`.
    pub fn memory(&self) -> Result<Memory> {
        self.stat().memory()
    }

    /// Returns the processor time of the first thread, including the time of the kernel for it.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no `/proc`.
    pub fn cpu_time(&self) -> Result<Duration> {
        self.stat().first_thread_cpu_time()
    }

    /// Limits the memory that the process may allocate, in bytes. An allocation beyond it fails.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended, or the kernel has no such limit.
    pub fn limit_memory(&self, bytes: u64) -> Result<()> {
        let limit = Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        };
        let process = Some(Pid::from_child(&self.child));
        prlimit(process, Resource::Data, limit).context("cannot limit memory")?;
        Ok(())
    }

    /// Sends SIGTERM.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended.
    pub fn terminate(&self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("SIGTERM")
    }

    /// Sends SIGKILL, and waits until the process has ended.
    ///
    /// # Errors
    ///
    /// Returns an error if the process ended for another reason.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("SIGKILL")?;
        let status = self.child.wait()?;
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        ensure!(killed, "the process ended before it was killed: {status}");
        Ok(())
    }

    /// Waits until the process has ended, and returns its status, or `None` after the timeout.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such process.
    pub fn ended_within(&mut self, timeout: Duration) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || start.elapsed() > timeout {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Process with this ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcStat(pub u32);

/// Resident memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Current memory.
    pub now: u64,
    /// Part of [`now`](Self::now) that is pages of files, mostly of the program itself.
    pub files: u64,
    /// Peak of the memory.
    pub peak: u64,
}

impl Memory {
    /// Returns the part that is not pages of files.
    pub fn anonymous(&self) -> u64 {
        self.now.saturating_sub(self.files)
    }
}

impl ProcStat {
    /// Returns the memory of the process.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such process, or no `/proc`.
    pub fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/status", self.0);
        let status = fs::read_to_string(&path).with_context(|| path.clone())?;
        let bytes = |name| {
            let line = status.split('\n').find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|value| value.trim().strip_suffix(" kB"));
            let kibibytes = kibibytes.and_then(number);
            Ok::<_, Error>(kibibytes.with_context(|| format!("{path} has no {name}"))? * 1024)
        };
        Ok(Memory {
            now: bytes("VmRSS:")?,
            files: bytes("RssFile:")?,
            peak: bytes("VmHWM:")?,
        })
    }

    /// Returns the processor time of all current threads, including the time of the kernel for them. Threads that have
    /// ended are not included.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such process, or no `/proc`.
    pub fn cpu_time(&self) -> Result<Duration> {
        self.threads()?
            .iter()
            .map(|thread| self.thread_cpu_time(*thread))
            .sum()
    }

    /// Returns the processor time of the first thread, including the time of the kernel for it.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such process, or no `/proc`.
    pub fn first_thread_cpu_time(&self) -> Result<Duration> {
        self.thread_cpu_time(self.0)
    }

    /// Returns all children of the process, their children, and so on.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such process, or the kernel does not show its children.
    pub fn descendants(&self) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for thread in self.threads()? {
            let path = format!("/proc/{}/task/{thread}/children", self.0);
            let children = fs::read_to_string(&path).context(path)?;
            for child in children.split_whitespace().filter_map(number) {
                let child = Self(u32::try_from(child)?);
                all.push(child);
                all.extend(child.descendants()?);
            }
        }
        Ok(all)
    }

    fn thread_cpu_time(&self, thread: u32) -> Result<Duration> {
        let path = format!("/proc/{}/task/{thread}/schedstat", self.0);
        let schedule = fs::read_to_string(&path).with_context(|| path.clone())?;
        let nanoseconds = schedule.split(' ').next().unwrap_or("");
        let nanoseconds = number(nanoseconds).context(path)?;
        Ok(Duration::from_nanos(nanoseconds))
    }

    fn threads(&self) -> Result<Vec<u32>> {
        let path = format!("/proc/{}/task", self.0);
        let names = names(Path::new(&path)).with_context(|| path.clone())?;
        let threads = names
            .iter()
            .map(|name| Ok(u32::try_from(number(name).context("a thread")?)?));
        threads.collect()
    }
}

impl Sum for Memory {
    fn sum<I: Iterator<Item = Self>>(memories: I) -> Self {
        memories.fold(Self::default(), |a, b| Self {
            now: a.now + b.now,
            files: a.files + b.files,
            peak: a.peak + b.peak,
        })
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    fs::read_dir(folder)?.map(name).collect()
}
