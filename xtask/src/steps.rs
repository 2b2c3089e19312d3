//! Runs steps one after the other.

use std::time::Instant;

use anyhow::{Context, Result};

/// Name of a step and its function.
pub(crate) type Step<'a> = (&'static str, &'a dyn Fn() -> Result<()>);

/// Runs the steps and prints the duration of each. Stops at the first step that fails.
pub(crate) fn all(steps: &[Step<'_>]) -> Result<()> {
    let start = Instant::now();
    for (name, step) in steps {
        eprintln!("\n== {name}");
        let begun = Instant::now();
        step().with_context(|| format!("step {name:?}"))?;
        eprintln!("== {name}: {} s", begun.elapsed().as_secs());
    }
    eprintln!("\nAll passed in {} s.", start.elapsed().as_secs());
    Ok(())
}
