//! Checks of public APIs: external types, and breaking changes since the last release.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{
    published::{libraries, select},
    run::{command, output, root, run, target},
    setup,
};

/// Version of Rust whose rustdoc output both tools can read.
///
/// The format of that output is not stable, so the versions of Rust and of both tools must match.
const TOOLCHAIN: &str = "1.95.0";

/// Version of cargo-check-external-types.
const EXTERNAL_TYPES_VERSION: &str = "0.5.0";

/// Version of cargo-semver-checks.
const SEMVER_CHECKS_VERSION: &str = "0.51.0";

/// Checks that each external type in a public API is listed in the crate's manifest, which gives the reason.
pub(crate) fn types() -> Result<()> {
    let tool = setup::tool("cargo-check-external-types", EXTERNAL_TYPES_VERSION)?;
    let tool = tool.display().to_string();
    for name in libraries() {
        let mut check = command(
            &tool,
            &format!("check-external-types --all-features --manifest-path {name}/Cargo.toml"),
        );
        run(by_toolchain(&mut check)?)?;
    }
    Ok(())
}

/// Checks that no public API has a breaking change since the tag of the last release.
pub(crate) fn breaks() -> Result<()> {
    let last = output(command("git", "describe --tags --abbrev=0 --match v*"));
    let Some(last) = last else {
        eprintln!("not checked: no release to compare with (no tag v*)");
        return Ok(());
    };
    let tool = setup::tool("cargo-semver-checks", SEMVER_CHECKS_VERSION)?;
    let mut check = command(
        &tool.display().to_string(),
        &format!(
            "semver-checks --all-features --baseline-rev {last} {}",
            select(&libraries())
        ),
    );
    run(by_toolchain(&mut check)?)
}

/// Makes a tool use that version of Rust, with its unstable features.
fn by_toolchain(tool: &mut Command) -> Result<&mut Command> {
    output(command("rustc", &format!("+{TOOLCHAIN} --version"))).with_context(|| {
        format!("Rust {TOOLCHAIN} is missing: rustup toolchain install {TOOLCHAIN}")
    })?;
    Ok(tool
        .current_dir(root())
        .env_remove("CARGO")
        .env("RUSTUP_TOOLCHAIN", TOOLCHAIN)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", target().join("api")))
}
