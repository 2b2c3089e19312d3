//! Runs the codec under Miri, which checks each access to memory.

use anyhow::{Result, bail};

use crate::run::{command, output, run};

/// Runs the unit tests of the codec. The cases of `testdata/` are left out, because they would take hours.
pub(crate) fn test() -> Result<()> {
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
