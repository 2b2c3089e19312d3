//! More subscribers than there may be open files: their connections are in the memory of the server.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{measure::Left, program::Program, server::Allocator};

/// What was measured with so many subscribers.
#[derive(Clone, Copy, Debug)]
pub struct Pipes {
    /// How many.
    pub subscribers: usize,
    /// The memory before they came, with them and behind them, in bytes.
    pub left: Left,
    /// How long an event took, by 16 at once, in nanoseconds.
    pub burst: u64,
    /// The same one by one.
    pub single: u64,
}

/// Measures with each of these numbers of subscribers.
///
/// # Errors
///
/// If the program fails, or not each event came to each subscriber, once.
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
