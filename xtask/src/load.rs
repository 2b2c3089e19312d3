//! The servers and clients under load.

use anyhow::Result;

use crate::run::{cargo, run};

/// The tables of the servers, with the arguments of the program that measures.
pub(crate) fn servers(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    table("table", arguments)
}

/// The tables of the clients.
pub(crate) fn clients(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    table("clients", arguments)
}

fn table(program: &str, arguments: impl IntoIterator<Item = String>) -> Result<()> {
    let mut table = cargo(&format!("run --release --package load --bin {program} --"));
    table.args(arguments);
    run(table)
}

/// Clients that come, stall, leave and resume, for this long.
pub(crate) fn soak(seconds: u64, clients: u64, seed: u64) -> Result<()> {
    run(cargo(&format!(
        "run --release --package load --bin soak -- \
         --seconds {seconds} --clients {clients} --seed {seed}"
    )))
}

/// Some seconds of each: does everything run?
pub(crate) fn smoke() -> Result<()> {
    run(cargo("run --release --package load --bin soak"))?;
    servers(["--smoke".to_owned()])?;
    clients(["--smoke".to_owned()])
}
