//! Cost of a subscriber while their number grows, and the memory that remains after they leave.

use anyhow::{Context as _, Result};

use crate::{
    measure::{Contender, Left, Plan, Reading},
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
    pub left: Left,
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
