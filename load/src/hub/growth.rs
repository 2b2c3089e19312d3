//! What a subscriber costs where there are more and more of them, and what is left when they leave.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::measure::{Contender, Left, Plan, Reading};

/// What was measured with so many subscribers.
#[derive(Clone, Debug)]
pub struct Growth {
    /// How many.
    pub subscribers: usize,
    /// How fast they are served, and in how much memory.
    pub reading: Reading,
    /// What is left.
    pub left: Left,
}

/// Measures the first library of the plan with each of these numbers, alone on the machine, with a turn
/// of this length.
///
/// # Errors
///
/// If the server fails, or serves too little or too much.
pub fn all(plan: &Plan<'_>, numbers: &[usize], turn: Duration) -> Result<Vec<Growth>> {
    let library = *plan.libraries.first().context("no library")?;
    let growths = numbers.iter().map(|number| {
        let plan = Plan {
            subscribers: *number,
            ..*plan
        };
        let mut contender = Contender::start(&plan, library)?;
        contender.turn(turn)?;
        let (reading, left) = contender.leave()?;
        Ok(Growth {
            subscribers: *number,
            reading,
            left,
        })
    });
    let growths: Result<_> = growths.collect();
    growths.with_context(|| format!("{library} with more and more subscribers"))
}
