//! Cargo commands for the whole workspace.

use std::process::Command;

use anyhow::Result;
use testkit::cargo::ALL_PACKAGES;

use crate::run::{cargo, run, target};

/// Returns a subcommand of cargo for the whole workspace, with these arguments.
pub(crate) fn cargo_all(subcommand: &str, arguments: &str) -> Command {
    cargo(&format!("{subcommand} {ALL_PACKAGES} {arguments}"))
}

/// Builds programs and examples, for example `--bin a --example b`.
pub(crate) fn build(targets: &str) -> Result<()> {
    // With an example among the targets, cargo resolves features as for tests.
    run(cargo_all(
        "build",
        &format!("--example decode_lines {targets}"),
    ))
}

/// Returns the command of a program that is already built, without arguments.
pub(crate) fn program(name: &str) -> Command {
    Command::new(target().join("debug").join(name))
}
