//! Prints the matrix of SDKs, front-end libraries and their features, and the results of MCP's conformance tests:
//! `cargo xtask test-sdks`.
#![allow(clippy::print_stdout, reason = "output for the user of the command")]

use anyhow::Result;
use interop::{
    browser::Browser,
    check::{Table, ensure_all_work},
    pages, sdks,
};

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
    let pages = [
        pages::run(Browser::Chromium)?,
        pages::run(Browser::Firefox)?,
    ]
    .concat();
    println!("\n{}", Table(&pages));
    ensure_all_work(&[checks, conformance, pages].concat())
}
