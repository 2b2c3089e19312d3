//! View of any process in `/proc`.

use std::{fs, io, iter::Sum, path::Path, time::Duration};

use anyhow::{Context as _, Error, Result};

use crate::number::number;

/// Process with this ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(pub u32);

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

impl Seen {
    /// Returns the memory of the process.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such process, or no `/proc`.
    pub fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/status", self.0);
        let status = fs::read_to_string(&path).with_context(|| path.clone())?;
        let bytes = |name| {
            let line = status.split('\n').find_map(|it| it.strip_prefix(name));
            let kibibytes = line.and_then(|it| it.trim().strip_suffix(" kB"));
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
    pub fn ran(&self) -> Result<Duration> {
        self.threads()?.iter().map(|it| self.thread_ran(*it)).sum()
    }

    /// Returns the processor time of the first thread, including the time of the kernel for it.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such process, or no `/proc`.
    pub fn first_thread_ran(&self) -> Result<Duration> {
        self.thread_ran(self.0)
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

    fn thread_ran(&self, thread: u32) -> Result<Duration> {
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
            .map(|it| Ok(u32::try_from(number(it).context("a thread")?)?));
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
        entry.map(|it| it.file_name().to_string_lossy().into_owned())
    };
    fs::read_dir(folder)?.map(name).collect()
}
