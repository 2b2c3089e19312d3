//! Steps, one after the other.

use std::time::Instant;

use anyhow::{Context, Result};

/// What a step is called, and what it does.
pub(crate) type Step<'a> = (&'static str, &'a dyn Fn() -> Result<()>);

/// Says of each how long it took; the first that fails ends it.
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
