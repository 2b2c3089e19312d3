//! Checks whether the crates can be published, and publishes them.
//!
//! # Releasing
//!
//! 1. Set the version in the root's `Cargo.toml`, for the workspace and for each crate that is named there. Describe
//!    the changes in `CHANGELOG.md` under a heading with that version. Commit.
//! 2. Run `cargo xtask release --dry-run` until it passes. A check that this machine cannot run, for example without
//!    network, is a failure. With `--allow-unchecked`, the release prints a line `NOT CHECKED:` instead.
//! 3. Run `cargo xtask release`: it runs the checks once more, and then `cargo publish`.
//! 4. Run `git tag vX.Y.Z`: the next release is compared with the last such tag.
//!
//! The checks use the files that users get: the packages, unpacked into `target/published`.
//!
//! - `metadata.rs`: metadata of a crate, for crates.io and docs.rs.
//! - `packages.rs`: the packages, and the folder into which they are unpacked.
//! - `outside.rs`: new projects that use the packages.
//! - `builds.rs`: builds with each feature, the lowest versions of dependencies, and the lowest Rust.
//! - `api.rs`: external types in public APIs, and breaking changes.
//! - `deny.rs`: dependencies of a crate.
//! - `unchecked.rs`: result of a check that this machine cannot run.

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
    run::{cargo, command, output, run, steps},
    test,
};

/// Runs all checks, and then publishes the crates, unless it is a dry run.
pub(crate) fn release(dry_run: bool, allow_unchecked: bool) -> Result<()> {
    if !dry_run {
        let changes = output(command("git", "status --porcelain"));
        let changes = changes.context("cannot run git")?;
        ensure!(changes.is_empty(), "uncommitted changes:\n{changes}");
    }
    let unchecked = match allow_unchecked {
        true => Unchecked::Passes,
        false => Unchecked::Fails,
    };
    steps(&[
        ("metadata", &metadata::check),
        ("packages", &packages::make),
        ("new projects", &outside::build),
        ("each feature", &builds::each_feature),
        ("external types in public APIs", &api::types),
        ("breaking changes", &api::breaks),
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
