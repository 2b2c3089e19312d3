//! The codec under Miri, which watches each access to memory.

use anyhow::{Result, bail};

use crate::run::{command, output, run};

/// Runs the cases through every decoder; the large ones would take hours.
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
    let mut tests = command(
        "cargo",
        "+nightly miri test --package sse-proto --lib --test paths --",
    );
    tests
        .args(["every_case", "it_finds", "a_decoded_event", "types_and_ids"])
        // The cases are files.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    run(tests)
}
