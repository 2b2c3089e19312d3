//! Measures servers, and prints the tables.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Result;
use clap::Parser;
use load::{
    machine::{self, Cores},
    measure::{self, Plan},
    options::{Effort, RunOptions},
    place, process, report,
    server::Allocator,
    servers::Library,
    shutdown,
};

/// Compares servers, and prints Markdown. It runs for four minutes, or one minute with `--quick`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    asked: RunOptions<Library>,
}

/// Returns the numbers of subscribers, the time for all turns, and the time of one turn.
fn plan(effort: Effort) -> (&'static [usize], Duration, Duration) {
    let turn = Duration::from_millis(500);
    match effort {
        Effort::Smoke => (&[100], turn, turn / 20),
        Effort::Quick => (&[1_000, 10_000], Duration::from_secs(12), turn),
        Effort::Full => (&[1_000, 10_000], Duration::from_secs(80), turn),
    }
}

fn main() -> Result<()> {
    let Arguments { asked } = Arguments::parse();
    let (numbers, time, turn) = plan(asked.effort());
    let clients = numbers[0] * Library::ALL.len();
    machine::raise_open_files(clients as u64 + 100)?;
    let facts = place::facts();
    let programs = process::built(&["--package", "load", "--bins"])?;
    let cores = Cores::find()?;
    machine::pin_to_core(cores.clients)?;
    let mut plan = Plan {
        libraries: &asked.of(&Library::ALL),
        programs: &programs,
        allocator: Allocator::Glibc,
        core: cores.server,
        subscribers: 0,
        time,
        turn,
    };

    let mut out = io::stdout();
    writeln!(out, "{facts}\n{cores}")?;
    for number in numbers {
        plan.subscribers = *number;
        let readings = measure::all(&plan)?;
        writeln!(out, "\n{}", report::readings(*number, &readings))?;
    }
    plan.subscribers = numbers[0];
    if asked.effort() == Effort::Smoke {
        // The shutdowns would wait for servers that hang.
        return Ok(());
    }
    let endings = shutdown::all(&plan)?;
    writeln!(out, "{}", report::endings(plan.subscribers, &endings))?;
    Ok(())
}
