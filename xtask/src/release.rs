//! Whether the crates can be published, and publishing them.
//!
//! # Releasing
//!
//! 1. Set the version in the root's `Cargo.toml`, for the workspace and for each crate that is named
//!    there, and say in `CHANGELOG.md` what is new under a heading with that version. Commit.
//! 2. `cargo xtask release --dry-run` until it passes. A check that this machine cannot make, without network,
//!    say, is a failure; with `--allow-unchecked` it is a line that begins with `NOT CHECKED:`.
//! 3. `cargo xtask release`: the same once more, and then `cargo publish`.
//! 4. `git tag vX.Y.Z`: the next release is compared with the last such tag.
//!
//! What is looked at is what users get: the packages, unpacked into `target/published`.
//!
//! - `metadata.rs`: what crates.io and docs.rs show of a crate.
//! - `packages.rs`: the packages, and the folder that they are unpacked into.
//! - `outside.rs`: new projects that use them.
//! - `builds.rs`: each feature, the lowest versions of dependencies, the lowest Rust.
//! - `api.rs`: whose types are in public APIs, and whether an API has been broken.
//! - `deny.rs`: what else comes along with a crate.
//! - `unchecked.rs`: what becomes of a check that this machine cannot make.

mod api;
mod builds;
mod deny;
mod metadata;
mod outside;
mod packages;
mod unchecked;

use anyhow::{Context, Result, ensure};

use unchecked::Unchecked;

use crate::{
    published::{names, select},
    run::{cargo, command, output, run},
    steps, test,
};

/// Looks at everything, and then publishes, unless it is a dry run.
pub(crate) fn release(dry_run: bool, allow_unchecked: bool) -> Result<()> {
    if !dry_run {
        let changes = output(command("git", "status --porcelain"));
        let changes = changes.context("git does not run")?;
        ensure!(changes.is_empty(), "not committed:\n{changes}");
    }
    let unchecked = match allow_unchecked {
        true => Unchecked::Passes,
        false => Unchecked::Fails,
    };
    steps::all(&[
        ("metadata", &metadata::check),
        ("packages", &packages::make),
        ("new projects", &outside::build),
        ("each feature", &builds::each_feature),
        ("types of others in public APIs", &api::types),
        ("changes that break", &api::breaks),
        ("documentation", &test::documentation),
        ("lowest versions", &builds::lowest_versions),
        ("licences, duplicates, sources, advisories", &|| {
            deny::check(unchecked)
        }),
        ("small targets", &test::small_targets),
        ("lowest Rust", &|| builds::lowest_rust(unchecked)),
    ])?;
    if dry_run {
        return Ok(());
    }
    run(cargo(&format!("publish {}", select(&names()))))
}
