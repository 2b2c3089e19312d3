//! Measures clients, and prints the tables.

use std::{
    io::{self, Write as _},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use load::{
    clients::Client,
    decoding::{self, Plan},
    flood,
    machine::Cores,
    options::{Effort, RunOptions},
    place, process,
    program::Program,
    report,
};

/// Compares clients, and prints Markdown. It runs for five minutes, or one minute with `--quick`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    asked: RunOptions<Client>,
}

/// Returns the number of events of a response, the number of processes whose memory is measured, and the time for all
/// turns.
fn plan(effort: Effort) -> (u64, usize, Duration) {
    match effort {
        Effort::Smoke => (10_000, 1, Duration::from_millis(200)),
        Effort::Quick => (400_000, 3, Duration::from_secs(8)),
        Effort::Full => (400_000, 11, Duration::from_secs(60)),
    }
}

fn main() -> Result<()> {
    let Arguments { asked } = Arguments::parse();
    let (events, processes, time) = plan(asked.effort());
    let facts = place::facts();
    let programs = process::built(&["--package", "load", "--bins"])?;
    let cores = Cores::find()?;
    let mut flood = Command::new(programs.join("flood"));
    let mut flood = Program::start_on(cores.server, flood.args(["--port", "0"]))?;
    let plan = Plan {
        clients: &asked.of(&Client::ALL),
        programs: &programs,
        core: cores.clients,
        port: u16::try_from(flood.answer("listening")?)?,
        events,
        processes,
        time,
    };

    let mut out = io::stdout();
    writeln!(out, "{facts}\n{cores}")?;
    for stream in flood::streams() {
        let readings = decoding::all(&plan, &stream);
        writeln!(out, "\n{}", report::decoding(&stream.title, &readings))?;
        // Errors of other libraries are only in the table.
        for (client, reading) in readings.into_iter().filter(|reading| reading.0.is_ours()) {
            reading.with_context(|| format!("{client}, {}", stream.key))?;
        }
    }
    Ok(())
}
