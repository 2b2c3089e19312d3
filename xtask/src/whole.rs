//! The whole workspace as one selection for cargo.
//!
//! Cargo resolves features for the packages that it is asked for, and compiles tokio, hyper and all that
//! stands on them anew for each set of features. So tests, programs and lints select the same packages,
//! and name what they want of them.

use std::process::Command;

use anyhow::Result;

use crate::run::{cargo, run, target};

/// All packages but those of pages alone, and sse-warp, one of whose examples has a name that sse-hyper
/// has as well, as the contract wants it.
const PACKAGES: &str =
    "--workspace --exclude sse-npm --exclude sizes --exclude sse-warp --all-features";

/// This command of cargo on the whole workspace, with these arguments.
pub(crate) fn cargo_all(subcommand: &str, arguments: &str) -> Command {
    cargo(&format!("{subcommand} {PACKAGES} {arguments}"))
}

/// Builds programs and examples: `--bin a --example b`.
pub(crate) fn build(targets: &str) -> Result<()> {
    // With an example among them cargo resolves features as for tests.
    run(cargo_all(
        "build",
        &format!("--example decode_lines {targets}"),
    ))
}

/// A program that was built, ready to get its arguments.
pub(crate) fn program(name: &str) -> Command {
    Command::new(target().join("debug").join(name))
}
