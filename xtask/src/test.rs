//! Everything that CI runs.

use anyhow::Result;

use crate::{
    browser, fuzz, load, miri, npm, page, promises,
    published::PUBLISHED,
    run::{cargo, run},
    servers, setup, steps,
    whole::cargo_all,
};

/// Lints of public items of published crates.
const PUBLIC_ITEM_LINTS: &str = "-D clippy::exhaustive_enums -D clippy::exhaustive_structs \
    -D clippy::missing_errors_doc -D clippy::missing_panics_doc";

/// One after the other; the first that fails ends it.
pub(crate) fn all() -> Result<()> {
    steps::all(&[
        ("formatting", &formatting),
        ("promises of SECURITY.md", &promises::check),
        ("lints", &lints),
        ("tests and documentation tests", &tests),
        ("documentation", &documentation),
        ("small targets", &small_targets),
        ("fuzz targets, for some seconds", &fuzzing),
        ("soaks and load, for some seconds", &load::smoke),
        ("Miri", &miri::test),
        ("browsers", &|| browser::test(false, None, None)),
        ("npm package", &npm::test),
        ("servers", &servers::test),
    ])
}

fn formatting() -> Result<()> {
    setup::component("rustfmt", "rustfmt")?;
    run(cargo("fmt --all --check"))?;
    run(cargo("fmt --manifest-path fuzz/Cargo.toml --check"))
}

fn lints() -> Result<()> {
    setup::component("clippy", "cargo-clippy")?;
    setup::target(page::TARGET)?;
    run(cargo_all("clippy", "--all-targets -- -D warnings"))?;
    // Each alone, as users build it, so that none leans on the features of another.
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
    // What sse-hub-nats and `sse hub --nats` are tested with.
    setup::program("nats-server", "nats-server")?;
    run(cargo_all("test", ""))?;
    run(cargo_all("test", "--bench decode --bench encode"))?;
    run(cargo("test --package sse-warp --all-features"))
}

/// As docs.rs builds it.
pub(crate) fn documentation() -> Result<()> {
    for (name, target) in PUBLISHED {
        let mut doc = cargo(&format!(
            "doc --no-deps --all-features --package {name} {target}"
        ));
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}

/// The codec where there is no `std`, with and without an allocator, and each feature alone.
/// `bytes` wants atomics that the smallest target has not.
pub(crate) fn small_targets() -> Result<()> {
    for (triple, features) in [
        ("thumbv6m-none-eabi", "--no-default-features"),
        ("thumbv6m-none-eabi", ""),
        ("riscv32imac-unknown-none-elf", "--no-default-features"),
        (
            "riscv32imac-unknown-none-elf",
            "--features bytes,stream,serde",
        ),
        (page::TARGET, "--features bytes,stream,serde"),
    ] {
        setup::target(triple)?;
        run(cargo(&format!(
            "build --package sse-proto --target {triple} {features}"
        )))?;
    }
    each_feature_alone(
        "sse-proto",
        &["", "alloc", "bytes", "codec", "serde", "simd", "stream"],
    )?;
    each_feature_alone(
        "sse-source",
        &["", "compression", "reqwest", "rustls", "serde"],
    )?;
    let in_wasm = format!("sse-wasm --target {}", page::TARGET);
    each_feature_alone(&in_wasm, &["", "fetch", "serde", "share"])
}

fn each_feature_alone(package: &str, features: &[&str]) -> Result<()> {
    for feature in features {
        lint(&format!(
            "--package {package} --lib --no-default-features --features={feature}"
        ))?;
    }
    Ok(())
}

/// In a workspace of its own.
fn fuzzing() -> Result<()> {
    setup::program("c++", "g++")?;
    // A lock file that is behind fails here, for each who builds it would have another.
    lint("--manifest-path fuzz/Cargo.toml --locked")?;
    fuzz::fuzz(3, None)
}
