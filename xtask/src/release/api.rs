//! Public APIs: whose types are in them, and whether one has been broken since the last release.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{
    published::{libraries, select},
    run::{command, output, root, run, target},
    setup,
};

/// The Rust whose rustdoc writes what both tools can read. It is not stable, so all three are of
/// versions that go together.
const TOOLCHAIN: &str = "1.95.0";

/// The version of cargo-check-external-types.
const EXTERNAL_TYPES: &str = "0.5.0";

/// The version of cargo-semver-checks.
const SEMVER_CHECKS: &str = "0.51.0";

/// Those of others stand in each crate's manifest, each with its reason.
pub(crate) fn types() -> Result<()> {
    let tool = setup::tool("cargo-check-external-types", EXTERNAL_TYPES)?;
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

/// Against the last tag of a release.
pub(crate) fn breaks() -> Result<()> {
    let last = output(command("git", "describe --tags --abbrev=0 --match v*"));
    let Some(last) = last else {
        eprintln!("not checked: there is no release yet to compare with, no tag v*");
        return Ok(());
    };
    let tool = setup::tool("cargo-semver-checks", SEMVER_CHECKS)?;
    let mut check = command(
        &tool.display().to_string(),
        &format!(
            "semver-checks --all-features --baseline-rev {last} {}",
            select(&libraries())
        ),
    );
    run(by_toolchain(&mut check)?)
}

/// Has a tool use that Rust, with what is not stable in it.
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
