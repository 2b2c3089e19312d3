//! Cargo commands for the whole workspace.
//!
//! Cargo resolves features for the selected packages. For each set of features, it compiles tokio, hyper and all
//! their dependents again. So tests, programs and lints select the same packages, and name the targets that they need.

use std::process::Command;

use anyhow::Result;

use crate::run::{cargo, run, target};

/// Arguments of cargo that select all packages, with all features.
///
/// Packages for pages only are excluded. sse-warp is excluded because it has an example with the same name as one of
/// sse-hyper, which the contract requires.
const PACKAGES: &str =
    "--workspace --exclude sse-npm --exclude sizes --exclude sse-warp --all-features";

/// Returns a subcommand of cargo for the whole workspace, with these arguments.
pub(crate) fn cargo_all(subcommand: &str, arguments: &str) -> Command {
    cargo(&format!("{subcommand} {PACKAGES} {arguments}"))
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
