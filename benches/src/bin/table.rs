//! Prints all tables.

use std::{
    env,
    io::{self, Write as _},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use benches::{
    decode, encode, machine,
    workloads::{Workload, workloads},
};
use clap::Parser;

/// Compares the codec with other crates, and prints the results as Markdown.
#[derive(Debug, Parser)]
struct Arguments {
    /// Measures for half a minute instead of five minutes.
    #[arg(long)]
    quick: bool,
    /// Measures only this workload: a, a2, b, c, d, d-lf, d-crlf, e, f, f-bare, g or h.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> Result<()> {
    let Arguments { quick, only } = Arguments::parse();
    let budget = Duration::from_millis(if quick { 380 } else { 4_700 });
    let mut workloads = workloads();
    workloads.retain(|workload| only.as_ref().is_none_or(|key| workload.is(key)));
    ensure!(!workloads.is_empty(), "no such workload");
    let mut out = io::stdout();
    let mut below = Vec::new();

    writeln!(out, "{}\n\n## Decoding", machine::facts())?;
    for workload in &workloads {
        let section = decode::section(workload, budget);
        writeln!(out, "\n{}", section.text)?;
        below.extend(section.below);
    }

    let encoded: Vec<&Workload> = workloads
        .iter()
        .filter(|workload| encode::takes(workload))
        .collect();
    if !encoded.is_empty() {
        let section = encode::section(&encoded, budget);
        writeln!(out, "## Encoding\n\n{}", section.text)?;
        below.extend(section.below);
    }

    writeln!(out, "## Allocations per event\n")?;
    out.flush()?;
    allocations(only.as_deref())?;

    writeln!(out, "\n## Targets that are missed\n")?;
    if below.is_empty() {
        writeln!(out, "None.")?;
    }
    for place in below {
        writeln!(out, "- {place}")?;
    }
    Ok(())
}

/// Runs the program that counts allocations. It is separate, because counting would slow down the measurements
/// here.
fn allocations(only: Option<&str>) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["run", "--quiet", "--release", "--package", "benches"])
        .args(["--bin", "allocations", "--"])
        .args(only.into_iter().flat_map(|key| ["--only", key]))
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cannot count allocations: {status}");
    Ok(())
}
