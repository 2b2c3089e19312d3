//! What a subscriber costs where there are more and more of them, and what is left when they leave.

use anyhow::{Context as _, Result};

use crate::{
    measure::{Contender, Left, Plan, Reading},
    server::Allocator,
    servers::Library,
};

/// What was measured with so many subscribers.
#[derive(Clone, Debug)]
pub struct Growth {
    /// Where the memory comes from.
    pub allocator: Allocator,
    /// How many.
    pub subscribers: usize,
    /// How fast they are served, and in how much memory.
    pub reading: Reading,
    /// What is left.
    pub left: Left,
}

/// Measures the first library of the plan with each of these numbers of subscribers, by each allocator,
/// alone on the machine, with one turn.
///
/// # Errors
///
/// If the server fails, or serves too little or too much.
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
