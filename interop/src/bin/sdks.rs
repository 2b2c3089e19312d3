//! Prints the matrix of SDKs, front-end libraries and their features, and the results of MCP's conformance tests:
//! `cargo xtask test-sdks`. With `--smoke`, it leaves out the conformance tests and Firefox.
#![allow(clippy::print_stdout, reason = "output for the user of the command")]

use std::env;

use anyhow::Result;
use interop::{
    browser::Browser,
    check::{Table, ensure_all_work},
    pages, sdks,
};

fn main() -> Result<()> {
    let is_smoke = env::args().any(|argument| argument == "--smoke");
    let mut checks = sdks::run()?;
    println!("{}", Table(&checks));
    if !is_smoke {
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
        checks.extend(conformance);
    }
    let mut pages = pages::run(Browser::Chromium)?;
    if !is_smoke {
        pages.extend(pages::run(Browser::Firefox)?);
    }
    println!("\n{}", Table(&pages));
    checks.extend(pages);
    ensure_all_work(&checks)
}
