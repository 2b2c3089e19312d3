//! Prints the tables.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::{Result, ensure};
use clap::Parser;
use load::{
    machine,
    measure::{self, Plan},
    place, process, report,
    servers::Library,
    shutdown,
};

/// Measures servers beside each other, and prints Markdown.
#[derive(Debug, Parser)]
struct Arguments {
    /// A minute instead of seven, less exact.
    #[arg(long, conflicts_with = "smoke")]
    quick: bool,
    /// Some seconds with few subscribers: only to see that everything runs.
    #[arg(long)]
    smoke: bool,
    /// Only these libraries.
    #[arg(long)]
    only: Vec<Library>,
}

impl Arguments {
    /// The numbers of subscribers, the rounds, and the time for bursts of a length.
    fn effort(&self) -> (&'static [usize], u32, Duration) {
        if self.smoke {
            (&[100], 1, Duration::from_millis(50))
        } else if self.quick {
            (&[1_000, 10_000], 1, Duration::from_millis(700))
        } else {
            (&[1_000, 10_000], 5, Duration::from_millis(1_500))
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (numbers, rounds, time) = arguments.effort();
    let most = numbers.iter().copied().max().unwrap_or(0);
    let files = machine::most_files()?;
    ensure!(files > most as u64 + 100, "only {files} files: ulimit -Hn");
    let facts = place::facts();
    let program = process::built(&["--package", "load", "--bin", "serve"], "serve")?;
    let cores = machine::two_cores()?;
    if let Some([_, core]) = cores {
        machine::stay_on(core)?;
    }
    let mut libraries = Library::ALL.to_vec();
    libraries.retain(|it| arguments.only.is_empty() || arguments.only.contains(it));
    let mut plan = Plan {
        libraries: &libraries,
        program: &program,
        core: cores.map(|[core, _]| core),
        subscribers: 0,
        rounds,
        time,
    };

    let mut out = io::stdout();
    writeln!(out, "{facts}")?;
    match cores {
        Some(_) => writeln!(out, "Server and clients on a core each.")?,
        None => writeln!(out, "Server and clients share the only core.")?,
    }
    for number in numbers {
        plan.subscribers = *number;
        let readings = measure::all(&plan)?;
        writeln!(out, "\n{}", report::readings(*number, &readings))?;
    }
    plan.subscribers = numbers[0];
    if arguments.smoke {
        // It would wait for those that hang.
        return Ok(());
    }
    let endings = shutdown::all(&plan)?;
    writeln!(out, "{}", report::endings(plan.subscribers, &endings))?;
    Ok(())
}
