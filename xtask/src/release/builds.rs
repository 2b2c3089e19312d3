//! Builds the packages in each way in which users may build them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    packages::{at, cargo_in, folder, unpack},
    unchecked::Unchecked,
};
use crate::{
    published::{PUBLISHED, select},
    run::{command, output, run, target},
    setup,
};

/// Version of cargo-hack.
const HACK_VERSION: &str = "0.6.46";

/// Checks each package without features, with each feature alone, and with all features.
pub(crate) fn each_feature() -> Result<()> {
    let tool = setup::tool("cargo-hack", HACK_VERSION)?
        .display()
        .to_string();
    for (name, target) in PUBLISHED {
        let mut hack = command(
            &tool,
            &format!("hack check --each-feature --no-dev-deps --package {name} {target}"),
        );
        at(&mut hack, &folder());
        run(hack.env("RUSTFLAGS", "-D warnings"))?;
    }
    Ok(())
}

/// Checks each package with the lowest versions of its dependencies that the manifests allow.
pub(crate) fn lowest_versions() -> Result<()> {
    output(command("cargo", "+nightly --version"))
        .context("nightly toolchain is missing: rustup toolchain install nightly")?;
    let folder = target().join("published-lowest");
    unpack(&folder)?;
    let mut update = command("cargo", "+nightly update -Z direct-minimal-versions");
    at(&mut update, &folder);
    run(update.env_remove("CARGO"))?;
    for (name, target) in PUBLISHED {
        let check = format!("check --all-features --package {name} {target}");
        run(cargo_in(&folder, &check))?;
    }
    Ok(())
}

/// Checks each package with the lowest version of Rust that its manifest names, if that is installed.
pub(crate) fn lowest_rust(unchecked: Unchecked) -> Result<()> {
    let installed = output(command("rustup", "toolchain list")).unwrap_or_default();
    for (version, crates) in rust_versions(&folder())? {
        let Some(toolchain) = toolchain(&installed, &version) else {
            let why = format!("it is not installed: rustup toolchain install {version}");
            unchecked.report(&format!("Rust {version}"), &why)?;
            continue;
        };
        let crates: Vec<_> = crates.iter().map(String::as_str).collect();
        let mut check = command(
            "cargo",
            &format!("+{toolchain} check --all-features {}", select(&crates)),
        );
        at(&mut check, &folder());
        run(check.env_remove("CARGO"))?;
    }
    Ok(())
}

/// Returns the crates, grouped by the version of Rust that their manifests name.
fn rust_versions(folder: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let metadata = output(cargo_in(folder, "metadata --no-deps --format-version 1"));
    let metadata: Value = serde_json::from_str(&metadata.context("cargo metadata fails")?)?;
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for package in metadata["packages"].as_array().context("no packages")? {
        let text = |key: &str| {
            package[key]
                .as_str()
                .with_context(|| format!("a package has no {key}"))
        };
        versions
            .entry(text("rust_version")?.to_owned())
            .or_default()
            .push(text("name")?.to_owned());
    }
    Ok(versions)
}

/// Returns the name of a toolchain with this version, from the output of `rustup toolchain list`.
fn toolchain<'a>(installed: &'a str, version: &str) -> Option<&'a str> {
    let names = installed
        .split('\n')
        .filter_map(|line| line.split_whitespace().next());
    names.into_iter().find(|name| {
        let rest = name.strip_prefix(version);
        rest.is_some_and(|rest| rest.starts_with(['-', '.']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_toolchain_by_its_version() {
        let installed = "stable-x86_64 (active, default)\n1.8-x86_64\n1.88.0-x86_64\n1.89-x86_64";
        assert_eq!(toolchain(installed, "1.88"), Some("1.88.0-x86_64"));
        assert_eq!(toolchain(installed, "1.89"), Some("1.89-x86_64"));
        assert_eq!(toolchain(installed, "1.90"), None);
    }
}
