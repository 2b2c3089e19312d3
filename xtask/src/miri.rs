//! The codec under Miri, which watches each access to memory.

use anyhow::{Result, bail};

use crate::run::{command, output, run};

/// Runs the unit tests. The cases of `testdata/` would take hours.
pub(crate) fn test() -> Result<()> {
    if output(command("cargo", "+nightly miri --version")).is_none() {
        if output(command("rustc", "+nightly --version")).is_none() {
            bail!("Miri is part of nightly: rustup toolchain install nightly");
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
