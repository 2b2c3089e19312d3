//! Cost of a subscriber while their number grows, and the memory that remains after they leave.
//!
//! [`Pipes`] are more subscribers than a process may have open files. Their connections are in the memory of the server.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{
    measure::{Contender, MemoryLevels, Plan, Reading},
    program::Program,
    server::Allocator,
    servers::Library,
};

/// Results with one number of subscribers.
#[derive(Clone, Debug)]
pub struct Growth {
    /// Allocator of the server.
    pub allocator: Allocator,
    /// Number of subscribers.
    pub subscribers: usize,
    /// Rates, and memory of each subscriber.
    pub reading: Reading,
    /// Memory of the server before, with, and after the subscribers.
    pub left: MemoryLevels,
}

/// Measures the first library of the plan with each of these numbers of subscribers and each allocator. The server
/// has one turn, and is the only one that runs.
///
/// # Errors
///
/// Returns an error if the server fails, or sends too few or too many events.
pub fn all(plan: &Plan<'_>, numbers: &[usize]) -> Result<Vec<Growth>> {
    let library = *plan.libraries.first().context("no library")?;
    let mut growths = Vec::new();
    for allocator in [Allocator::Glibc, Allocator::Jemalloc] {
        for number in numbers {
            let plan = Plan {
                allocator,
                subscribers: *number,
                ..*plan
            };
            let growth = one(&plan, library);
            growths.push(growth.with_context(|| format!("{number} subscribers of {library}"))?);
        }
    }
    Ok(growths)
}

fn one(plan: &Plan<'_>, library: Library) -> Result<Growth> {
    let mut contender = Contender::start(plan, library)?;
    contender.turn(plan.turn)?;
    let (reading, left) = contender.leave()?;
    Ok(Growth {
        allocator: plan.allocator,
        subscribers: plan.subscribers,
        reading,
        left,
    })
}

/// Results with one number of subscribers.
#[derive(Clone, Copy, Debug)]
pub struct Pipes {
    /// Number of subscribers.
    pub subscribers: usize,
    /// Memory before, with, and after the subscribers, in bytes.
    pub left: MemoryLevels,
    /// Time per event in bursts of 16, in nanoseconds.
    pub burst: u64,
    /// Time per event one by one, in nanoseconds.
    pub single: u64,
}

/// Holder of subscribers in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Connections of hyper.
    Hyper,
    /// Streams as in the event loop of sse-reactor.
    EventLoop,
}

/// Measures each of these numbers of subscribers.
///
/// # Errors
///
/// Returns an error if the program fails, or if a subscriber does not get each event once.
pub fn all_in_memory(programs: &Path, holder: Holder, numbers: &[usize]) -> Result<Vec<Pipes>> {
    let measure = |number: &usize| one_in_memory(programs, holder, *number);
    let all = numbers.iter().map(measure).collect::<Result<_>>();
    all.context("subscribers in memory")
}

fn one_in_memory(programs: &Path, holder: Holder, subscribers: usize) -> Result<Pipes> {
    let mut command = Allocator::Jemalloc.command(programs.join("pipes"));
    command.args(["--subscribers", &subscribers.to_string()]);
    if holder == Holder::EventLoop {
        command.arg("--event-loop");
    }
    let mut pipes = Program::start(&mut command)?;
    let empty = pipes.answer("empty ")?;
    let full = pipes.answer("full ")?;
    let burst = pipes.answer("bursts ")?;
    let single = pipes.answer("singles ")?;
    let left = pipes.answer("left ")?;
    Ok(Pipes {
        subscribers,
        left: MemoryLevels { empty, full, left },
        burst,
        single,
    })
}
