//! Checks that the pages of front-end libraries show what the example `protocols` sends, in Chromium and Firefox.

use anyhow::{Result, ensure};
use interop::{browser::Browser, pages};

#[test]
fn chromium() -> Result<()> {
    check(Browser::Chromium)
}

#[test]
fn firefox() -> Result<()> {
    check(Browser::Firefox)
}

fn check(browser: Browser) -> Result<()> {
    let results = pages::run(browser)?;
    for result in &results {
        eprintln!("{result}");
    }
    let failed: Vec<_> = results
        .iter()
        .filter(|result| !result["error"].is_null())
        .collect();
    ensure!(failed.is_empty(), "{failed:?}");
    Ok(())
}
