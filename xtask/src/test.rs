//! Runs everything that CI runs.

use anyhow::{Result, bail};

use crate::{
    browser, compat, fuzz, load, npm, page, promises,
    published::PUBLISHED,
    run::{cargo, command, output, run, steps},
    sdks, servers, setup,
    whole::cargo_all,
    words,
};

/// Lints for public items of published crates.
const PUBLIC_ITEM_LINTS: &str = "-D clippy::exhaustive_enums -D clippy::exhaustive_structs \
    -D clippy::missing_errors_doc -D clippy::missing_panics_doc";

/// Folders of the workspaces that are not a part of the main one.
const OTHER_WORKSPACES: [&str; 4] = ["compat", "compat/versions", "forgery", "fuzz"];

/// Runs all steps one after the other. Stops at the first step that fails.
pub(crate) fn all() -> Result<()> {
    steps(&[
        ("formatting", &formatting),
        (
            "promises of SECURITY.md and CONFORMANCE.md",
            &promises::check,
        ),
        ("words", &words::check),
        ("lints", &lints),
        ("tests and documentation tests", &tests),
        ("replacements for other crates", &compat::test),
        ("documentation", &documentation),
        ("small targets", &small_targets),
        ("fuzz targets, a few seconds each", &fuzzing),
        ("load and soak tests, a few seconds each", &load::smoke),
        ("Miri", &miri),
        ("browsers", &|| browser::test(false, None, None)),
        ("npm package", &npm::test),
        ("servers", &|| servers::test(false)),
        ("SDKs", &|| sdks::test(true)),
    ])
}

fn formatting() -> Result<()> {
    setup::component("rustfmt", "rustfmt")?;
    run(cargo("fmt --all --check"))?;
    for workspace in OTHER_WORKSPACES {
        run(cargo(&format!(
            "fmt --manifest-path {workspace}/Cargo.toml --all --check"
        )))?;
    }
    Ok(())
}

fn lints() -> Result<()> {
    setup::component("clippy", "cargo-clippy")?;
    setup::target(page::TARGET)?;
    // `--all-targets` leaves out targets with `test = false`.
    run(cargo_all(
        "clippy",
        "--all-targets --test interop --test end_to_end -- -D warnings",
    ))?;
    // Each crate is built alone, as users build it, so that none depends on features that another crate enables.
    for (name, target) in PUBLISHED {
        run(cargo(&format!(
            "clippy --package {name} {target} --all-features -- -D warnings {PUBLIC_ITEM_LINTS}"
        )))?;
    }
    for selection in [
        "--package sse-hyper --no-default-features",
        "--package sse-hub",
        "--package sse-cli --no-default-features",
        "--package sse-cli --no-default-features --features hub",
        "--package sse-warp --all-targets --all-features",
        "--package web --all-targets",
        "--package sse-wasm --all-targets --all-features --target wasm32-unknown-unknown",
        "--package web-page --target wasm32-unknown-unknown",
        "--package guide --example yew --target wasm32-unknown-unknown",
        "--package sizes --examples --all-features --target wasm32-unknown-unknown",
        "--package sse-npm --target wasm32-unknown-unknown",
    ] {
        lint(selection)?;
    }
    Ok(())
}

fn lint(selection: &str) -> Result<()> {
    run(cargo(&format!("clippy {selection} -- -D warnings")))
}

fn tests() -> Result<()> {
    // The tests of sse-hub-nats and `sse hub --nats` need it.
    setup::program("nats-server", "nats-server")?;
    run(cargo_all("test", ""))?;
    run(cargo_all("test", "--bench decode --bench encode"))?;
    run(cargo("test --package sse-warp --all-features"))
}

/// Builds the documentation of the published crates as docs.rs does.
pub(crate) fn documentation() -> Result<()> {
    for (name, target) in PUBLISHED {
        let mut doc = cargo(&format!(
            "doc --no-deps --all-features --package {name} {target}"
        ));
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}

/// Builds the codec for targets without `std`, with and without an allocator, and checks each feature alone.
///
/// The feature `bytes` needs atomics that the smallest target does not have.
pub(crate) fn small_targets() -> Result<()> {
    for (triple, features) in [
        ("thumbv6m-none-eabi", "--no-default-features"),
        ("thumbv6m-none-eabi", ""),
        ("riscv32imac-unknown-none-elf", "--no-default-features"),
        (
            "riscv32imac-unknown-none-elf",
            "--features bytes,json,stream",
        ),
        (page::TARGET, "--features bytes,json,stream"),
    ] {
        setup::target(triple)?;
        run(cargo(&format!(
            "build --package sse-proto --target {triple} {features}"
        )))?;
    }
    each_feature_alone(
        "sse-proto",
        &["", "alloc", "bytes", "codec", "json", "simd", "stream"],
    )?;
    each_feature_alone(
        "sse-source",
        &["", "compression", "json", "reqwest", "rustls", "testing"],
    )?;
    let in_wasm = format!("sse-wasm --target {}", page::TARGET);
    each_feature_alone(&in_wasm, &["", "fetch", "json", "share"])
}

fn each_feature_alone(package: &str, features: &[&str]) -> Result<()> {
    for feature in features {
        lint(&format!(
            "--package {package} --lib --no-default-features --features={feature}"
        ))?;
    }
    Ok(())
}

/// Checks and runs the fuzz targets, which are in a workspace of their own.
fn fuzzing() -> Result<()> {
    setup::program("c++", "g++")?;
    // Fails if the lock file is out of date, because then each build would resolve other versions.
    lint("--manifest-path fuzz/Cargo.toml --locked")?;
    fuzz::fuzz(3, None)
}

/// Runs the unit tests of the codec. The cases of `testdata/` are left out, because they would take hours.
pub(crate) fn miri() -> Result<()> {
    if output(command("cargo", "+nightly miri --version")).is_none() {
        if output(command("rustc", "+nightly --version")).is_none() {
            bail!("Miri needs the nightly toolchain: rustup toolchain install nightly");
        }
        run(command(
            "rustup",
            "component add --toolchain nightly miri rust-src",
        ))?;
    }
    run(command(
        "cargo",
        "+nightly miri test --package sse-proto --lib --features simd",
    )
    .env_remove("CARGO"))
}
