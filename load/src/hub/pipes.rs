//! Cost of more subscribers than a process may have open files. Their connections are in the memory of the server.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{measure::Left, program::Program, server::Allocator};

/// Results with one number of subscribers.
#[derive(Clone, Copy, Debug)]
pub struct Pipes {
    /// Number of subscribers.
    pub subscribers: usize,
    /// Memory before, with, and after the subscribers, in bytes.
    pub left: Left,
    /// Time per event in bursts of 16, in nanoseconds.
    pub burst: u64,
    /// Time per event one by one, in nanoseconds.
    pub single: u64,
}

/// Measures each of these numbers of subscribers.
///
/// # Errors
///
/// Returns an error if the program fails, or if a subscriber does not get each event once.
pub fn all(programs: &Path, numbers: &[usize]) -> Result<Vec<Pipes>> {
    let one = |number: &usize| one(programs, *number);
    let all = numbers.iter().map(one).collect::<Result<_>>();
    all.context("subscribers in memory")
}

fn one(programs: &Path, subscribers: usize) -> Result<Pipes> {
    let mut command = Allocator::Jemalloc.tell(programs.join("pipes"));
    let mut pipes = Program::start(command.args(["--subscribers", &subscribers.to_string()]))?;
    let empty = pipes.answer("empty ")?;
    let full = pipes.answer("full ")?;
    let burst = pipes.answer("bursts ")?;
    let single = pipes.answer("singles ")?;
    let left = pipes.answer("left ")?;
    Ok(Pipes {
        subscribers,
        left: Left { empty, full, left },
        burst,
        single,
    })
}
