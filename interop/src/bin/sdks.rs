//! Prints the matrix of SDKs and their features, and the results of MCP's conformance tests: `cargo xtask test-sdks`.
#![allow(clippy::print_stdout, reason = "output for the user of the command")]

use anyhow::Result;
use interop::sdks::{self, Table};

fn main() -> Result<()> {
    let checks = sdks::run()?;
    println!("{}", Table(&checks));
    let conformance = sdks::conformance()?;
    println!("| tests | version | scenario | passed |\n|---|---|---|---|");
    for check in &conformance {
        let passed = if check.error.is_none() {
            "yes"
        } else {
            "**no**"
        };
        println!(
            "| {} | {} | {} | {passed} |",
            check.sdk, check.version, check.feature
        );
    }
    sdks::ensure_all_work(&[checks, conformance].concat())
}
