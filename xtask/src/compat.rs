//! Tests the replacements in `compat/`, and compares encoders in `forgery/`, which are in workspaces of their own.

use std::str::FromStr;

use anyhow::{Context, Result};

use crate::run::{cargo, command, output, run, target};

/// Answers of async-openai: what, number of events, and bytes of text in each.
const ANSWERS: [(&str, &str); 3] = [
    ("100 000 events of 20 B", "100000 20"),
    ("2 000 events of 20 KB", "2000 20000"),
    ("5 events of 2 MB", "5 2000000"),
];

/// Number of times that each program reads each answer.
const TURNS: usize = 5;

/// Checks and tests all replacements.
pub(crate) fn test() -> Result<()> {
    // A workspace has only one package of each name, so further versions are in another one.
    for manifest in ["compat/Cargo.toml", "compat/versions/Cargo.toml"] {
        // Fails if the lock file is out of date, because then each build would resolve other versions.
        // The main workspace has built most of their dependencies.
        let folder = target();
        let selection = format!("--manifest-path {manifest} --workspace --locked --target-dir");
        let mut lints = cargo(&format!("clippy {selection}"));
        run(lints
            .arg(&folder)
            .args(["--all-targets", "--", "-Dwarnings"]))?;
        run(cargo(&format!("test {selection}")).arg(&folder))?;
    }
    Ok(())
}

/// Prints which values of `testdata/forgery/` forge fields in the encoders of other projects.
pub(crate) fn forgery() -> Result<()> {
    run(cargo(
        "run --quiet --locked --manifest-path forgery/Cargo.toml",
    ))
}

/// Prints the processor time and the memory of async-openai with eventsource-stream, and with its replacement.
pub(crate) fn bench() -> Result<()> {
    let folder = target().join("compat");
    for name in ["openai-before", "openai"] {
        let manifest = format!("--manifest-path compat/{name}/Cargo.toml");
        let mut build = cargo(&format!("build --release --locked {manifest} --target-dir"));
        run(build.arg(&folder))?;
    }
    println!(
        "| answer | before: ms | with the patch: ms | ratio | before: MiB | with the patch: MiB |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for (answer, arguments) in ANSWERS {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        // In turns, because the machine may become slower meanwhile.
        for _ in 0..TURNS {
            for (name, figures) in [("openai-before", &mut before), ("openai", &mut after)] {
                let program = folder.join("release").join(name);
                let program = command(program.to_str().context("path is not UTF-8")?, arguments);
                figures.push(figures_of(&output(program).with_context(|| name)?)?);
            }
        }
        let median = |figures: &[[f64; 2]], index: usize| {
            let mut sorted: Vec<_> = figures.iter().map(|figure| figure[index]).collect();
            sorted.sort_by(f64::total_cmp);
            sorted[TURNS / 2]
        };
        let ([old, new], [old_peak, new_peak]) = (
            [&before, &after].map(|f| median(f, 0)),
            [&before, &after].map(|f| median(f, 1)),
        );
        println!(
            "| {answer} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} |",
            old / 1000.0,
            new / 1000.0,
            old / new,
            old_peak / 1024.0,
            new_peak / 1024.0,
        );
    }
    Ok(())
}

/// Returns the microseconds and the KiB that the program printed.
fn figures_of(printed: &str) -> Result<[f64; 2]> {
    let (time, memory) = printed.split_once(' ').context("not two figures")?;
    Ok([f64::from_str(time.trim())?, f64::from_str(memory.trim())?])
}
