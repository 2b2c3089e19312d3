//! Sends hostile requests, floods and bombs to `sse hub` and to the client. Each target is a process with a memory
//! limit.
//!
//! - `hub.rs`: the hub, attacked while a `neighbour.rs` publishes and subscribes; `requests.rs`: the attacks;
//!   `target.rs`: connections and requests.
//! - `client.rs`: the client, attacked by the hostile server of `answers.rs`.
//!
//! The run fails if a target exceeds its memory limit or ends, or if a neighbour loses an event or waits too long. It
//! also fails if one poll of the client blocks its thread for too long.

mod answers;
pub mod client;
mod hub;
mod neighbour;
mod requests;
mod target;

use std::{io::Write, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum as _};

use answers::Answer;
use requests::Attack;

/// Options of a run.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Run each attack at a twentieth of its size: a test of some seconds.
    #[arg(long)]
    pub smoke: bool,
    /// Memory that a target may allocate, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub memory: u64,
    /// Time that an event of a neighbour may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub max_latency: u64,
    /// Seed of everything that is random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Run only attacks whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}

impl Options {
    /// Returns the number of repetitions of an attack whose full size is `full`.
    fn count(&self, full: usize) -> usize {
        if self.smoke { (full / 20).max(1) } else { full }
    }

    /// Returns the time for which a client reads an endless answer.
    fn exposure(&self) -> Duration {
        Duration::from_millis(if self.smoke { 500 } else { 5_000 })
    }

    fn memory_bytes(&self) -> u64 {
        self.memory * 1024 * 1024
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|text| name.contains(text))
    }
}

/// Runs the attacks and prints a line for each.
///
/// `sse` is the path of the command, `attacked` that of the client.
///
/// # Errors
///
/// Returns an error if a target fails in an attack.
pub async fn run(
    sse: &Path,
    attacked: &Path,
    options: &Options,
    out: &mut impl Write,
) -> Result<()> {
    let limit = options.memory;
    writeln!(
        out,
        "memory limit {limit} MiB for each target, seed {}\n",
        options.seed
    )?;
    let attacks = wanted(options, Attack::value_variants());
    if !attacks.is_empty() {
        writeln!(out, "sse hub:")?;
        hub::attack(sse, &attacks, options, out)
            .await
            .context("sse hub")?;
    }
    let answers = wanted(options, Answer::value_variants());
    if !answers.is_empty() {
        writeln!(out, "\nclient:")?;
        client::attack(attacked, &answers, options, out).context("client")?;
    }
    writeln!(out, "\npassed")?;
    Ok(())
}

/// Returns the selected attacks.
fn wanted<T: clap::ValueEnum>(options: &Options, all: &[T]) -> Vec<T> {
    let is_wanted = |attack: &&T| options.is_wanted(&name(*attack));
    all.iter().filter(is_wanted).cloned().collect()
}

/// Returns the name of an attack, as in `--only`.
fn name(attack: &impl clap::ValueEnum) -> String {
    let value = attack.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Converts bytes to MiB, for a table.
fn mebibytes(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}
