//! Prints the tables.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Result;
use clap::Parser;
use load::{
    machine,
    measure::{self, Plan},
    place, process, report,
    server::Allocator,
    servers::Library,
    shutdown,
};

/// Measures servers beside each other, and prints Markdown.
#[derive(Debug, Parser)]
struct Arguments {
    /// A minute instead of four, less exact.
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
    /// The numbers of subscribers, for how long the libraries take turns, and how long a turn is.
    fn effort(&self) -> (&'static [usize], Duration, Duration) {
        let turn = Duration::from_millis(500);
        if self.smoke {
            (&[100], Duration::from_millis(500), turn / 20)
        } else if self.quick {
            (&[1_000, 10_000], Duration::from_secs(12), turn)
        } else {
            (&[1_000, 10_000], Duration::from_secs(80), turn)
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (numbers, time, turn) = arguments.effort();
    let clients = numbers[0] * Library::ALL.len();
    machine::allow_files(clients as u64 + 100)?;
    let facts = place::facts();
    let programs = process::built(&["--package", "load", "--bins"])?;
    let cores = machine::two_cores()?;
    if let Some([_, core]) = cores {
        machine::stay_on(core)?;
    }
    let mut libraries = Library::ALL.to_vec();
    libraries.retain(|it| arguments.only.is_empty() || arguments.only.contains(it));
    let mut plan = Plan {
        libraries: &libraries,
        programs: &programs,
        allocator: Allocator::Glibc,
        core: cores.map(|[core, _]| core),
        subscribers: 0,
        time,
        turn,
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
