//! Everything that CI runs.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::{
    browser, fuzz, load, miri, npm, page,
    run::{cargo, run},
    servers, setup,
};

/// Crates that build and are tested on their own, so that none leans on the features of another.
const CRATES: [&str; 15] = [
    "sse-proto",
    "sse-hyper",
    "sse-hub",
    "sse-hub-nats",
    "sse-source",
    "sse-cli",
    "sse-warp",
    "sse-wasm",
    "testkit",
    "web",
    "web-page",
    "guide",
    "load",
    "interop",
    "xtask",
];

type Step = (&'static str, fn() -> Result<()>);

/// One after the other; the first that fails ends it.
pub(crate) fn all() -> Result<()> {
    let steps: [Step; 11] = [
        ("formatting", formatting),
        ("lints", lints),
        ("tests and documentation tests", tests),
        ("documentation", documentation),
        ("small targets", small_targets),
        ("benchmarks and fuzz targets", side_rooms),
        ("soaks and load, for some seconds", load::smoke),
        ("Miri", miri::test),
        ("browsers", || browser::test(false)),
        ("npm package", npm::test),
        ("servers", servers::test),
    ];
    let start = Instant::now();
    for (name, step) in steps {
        eprintln!("\n== {name}");
        let begun = Instant::now();
        step().with_context(|| format!("step {name:?}"))?;
        eprintln!("== {name}: {} s", begun.elapsed().as_secs());
    }
    eprintln!("\nAll passed in {} s.", start.elapsed().as_secs());
    Ok(())
}

fn formatting() -> Result<()> {
    setup::component("rustfmt", "rustfmt")?;
    run(cargo("fmt --all --check"))?;
    run(cargo("fmt --manifest-path fuzz/Cargo.toml --check"))
}

fn lints() -> Result<()> {
    setup::component("clippy", "cargo-clippy")?;
    setup::target(page::TARGET)?;
    for name in CRATES {
        run(cargo(&format!(
            "clippy --package {name} --all-targets --all-features -- -D warnings"
        )))?;
    }
    for arguments in [
        "--package sse-proto --lib",
        "--package sse-hyper --lib --no-default-features",
        "--package sse-hub --lib",
        "--package web --all-targets",
        "--package sse-cli --all-targets --no-default-features",
        "--package sse-cli --all-targets --no-default-features --features hub",
        "--package benches --all-targets",
        "--package sse-wasm --all-targets --all-features --target wasm32-unknown-unknown",
        "--package web-page --target wasm32-unknown-unknown",
        "--package sizes --examples --all-features --target wasm32-unknown-unknown",
        "--package sse-npm --target wasm32-unknown-unknown",
    ] {
        run(cargo(&format!("clippy {arguments} -- -D warnings")))?;
    }
    Ok(())
}

fn tests() -> Result<()> {
    // What sse-hub-nats and `sse hub --nats` are tested with.
    setup::program("nats-server", "nats-server")?;
    for name in CRATES {
        run(cargo(&format!("test --package {name} --all-features")))?;
    }
    Ok(())
}

fn documentation() -> Result<()> {
    let packages = [
        "sse-proto",
        "sse-hyper",
        "sse-hub",
        "sse-hub-nats",
        "sse-source",
        "sse-warp",
        "sse-wasm",
    ]
    .map(|name| format!("--package {name}"));
    let mut doc = cargo(&format!(
        "doc --no-deps --all-features {}",
        packages.join(" ")
    ));
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run(doc)
}

/// The codec where there is no `std`, with and without an allocator, and each feature alone.
/// `bytes` wants atomics that the smallest target has not.
fn small_targets() -> Result<()> {
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
        run(cargo(&format!(
            "clippy --package {package} --lib --no-default-features --features={feature} -- -D warnings"
        )))?;
    }
    Ok(())
}

/// What no test builds otherwise.
fn side_rooms() -> Result<()> {
    run(cargo("test --package benches"))?;
    run(cargo("test --package benches --benches"))?;
    let fuzz_lints = "clippy --manifest-path fuzz/Cargo.toml -- -D warnings";
    setup::program("c++", "g++")?;
    run(cargo(fuzz_lints))?;
    fuzz::fuzz(5, None)
}
