//! Prints the tables of the clients.

use std::{
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use load::{
    clients::Client,
    decoding::{self, Plan},
    flood, machine, place, process,
    program::Program,
    report,
};

/// Measures clients beside each other, and prints Markdown.
#[derive(Debug, Parser)]
struct Arguments {
    /// A minute instead of five, less exact.
    #[arg(long, conflicts_with = "smoke")]
    quick: bool,
    /// Some seconds with short streams: only to see that everything runs.
    #[arg(long)]
    smoke: bool,
    /// Only these libraries.
    #[arg(long)]
    only: Vec<Client>,
}

impl Arguments {
    /// How many events a response has, how many processes' memory is looked at, and for how long the
    /// clients take turns.
    fn effort(&self) -> (u64, usize, Duration) {
        if self.smoke {
            (10_000, 1, Duration::from_millis(200))
        } else if self.quick {
            (400_000, 3, Duration::from_secs(8))
        } else {
            (400_000, 11, Duration::from_secs(60))
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (events, processes, time) = arguments.effort();
    let facts = place::facts();
    let programs = process::built(&["--package", "load", "--bins"])?;
    let cores = machine::two_cores()?;
    let [server, client] = cores.map_or([None; 2], |cores| cores.map(Some));
    let mut clients = Client::ALL.to_vec();
    clients.retain(|it| arguments.only.is_empty() || arguments.only.contains(it));
    let (_flood, port) = start_flood(&programs, server)?;
    let plan = Plan {
        clients: &clients,
        programs: &programs,
        core: client,
        port,
        events,
        processes,
        time,
    };

    let mut out = io::stdout();
    writeln!(out, "{facts}")?;
    match cores {
        Some(_) => writeln!(out, "Server and client on a core each.")?,
        None => writeln!(out, "Server and client share the only core.")?,
    }
    for stream in flood::streams() {
        let readings = decoding::all(&plan, &stream);
        writeln!(out, "\n{}", report::decoding(&stream.title, &readings))?;
        // What others make of it is in the table.
        for (client, reading) in readings.into_iter().filter(|it| it.0.is_ours()) {
            reading.with_context(|| format!("{client}, {}", stream.key))?;
        }
    }
    Ok(())
}

/// The server, on its core, and its port.
fn start_flood(programs: &Path, core: Option<usize>) -> Result<(Program, u16)> {
    let core = core.map(|core| core.to_string());
    let mut arguments = vec!["--port", "0"];
    if let Some(core) = &core {
        arguments.extend(["--core", core]);
    }
    let mut flood = Program::start(&programs.join("flood"), &arguments)?;
    let port = u16::try_from(flood.answer("listening")?)?;
    Ok((flood, port))
}
