//! Measures how many events stores take from many publishers at once, and prints the tables.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use anyhow::Result;
use clap::Parser;
use load::{
    durable::{self, Participant, Plan, disk, report},
    machine,
    options::{Effort, RunOptions},
    place, process,
};

/// Number of open files that are not connections.
const OTHER_FILES: usize = 100;

/// Compares stores of events, and prints Markdown. It runs for five minutes, or two minutes with `--quick`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    asked: RunOptions<Participant>,
    /// Number of publishers; 1000 by default.
    #[arg(long)]
    publishers: Option<usize>,
    /// Folder for the stores, on the disk to measure; by default, the folder of the programs.
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments {
        asked,
        publishers,
        folder,
    } = Arguments::parse();
    let programs = process::built(&["--package", "sse-cli", "--bin", "sse"])?;
    let folder = folder.unwrap_or_else(|| programs.clone());
    let sse = programs.join("sse");
    let (number, turns, seconds, warm_up) = match asked.effort() {
        Effort::Smoke => (50, 1, 0.2, 0.1),
        Effort::Quick => (1_000, 3, 2.0, 1.0),
        Effort::Full => (1_000, 5, 5.0, 1.0),
    };
    let plan = Plan {
        sse: &sse,
        folder: &folder,
        publishers: publishers.unwrap_or(number),
        turns,
        time: Duration::from_secs_f64(seconds),
        warm_up: Duration::from_secs_f64(warm_up),
    };
    machine::raise_open_files((plan.publishers + OTHER_FILES) as u64)?;
    let (version, can_sync) = durable::nats_can_sync(&folder)?;
    let mut participants = asked.of(&Participant::ALL);
    participants.retain(|participant| can_sync || !participant.needs_nats_sync());

    let mut out = io::stdout();
    writeln!(out, "{}", place::facts())?;
    writeln!(out, "{version}. {}", sync_note(can_sync))?;
    let _hurry = machine::HighPriority::start();
    let sync_time = report::milliseconds(disk::sync_time(&folder)?);
    writeln!(
        out,
        "The disk writes and synchronizes 4 KiB in {sync_time} ms (median).\n"
    )?;
    let readings = durable::all(&plan, &participants).await?;
    writeln!(out, "{}", report::readings(plan.publishers, &readings))?;
    Ok(())
}

fn sync_note(can_sync: bool) -> &'static str {
    match can_sync {
        true => "With \"sync always\", its configuration has `sync_interval: always`.",
        false => {
            "This version has no `sync_interval: always`, so the participants with it are missing. \
             It needs version 2.10; NATS_SERVER is the path of another one."
        }
    }
}
