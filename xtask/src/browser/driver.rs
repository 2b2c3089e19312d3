//! Browsers and their drivers.

use std::{fs, path::PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{run::target, setup};

/// Browser with its driver and capabilities.
pub(super) struct Browser {
    pub(super) name: &'static str,
    pub(super) driver: PathBuf,
    /// Environment variable from which the wasm test runner reads the path of the driver.
    pub(super) driver_variable: &'static str,
    /// WebDriver capabilities that are requested from the driver.
    pub(super) capabilities: Value,
    pub(super) capabilities_file: PathBuf,
}

impl Browser {
    pub(super) fn chromium() -> Result<Self> {
        let options = json!({
            "binary": setup::program("chromium", "chromium")?,
            "args": testkit::browser::CHROMIUM,
        });
        let capabilities = json!({ "goog:chromeOptions": options });
        Ok(Self {
            name: "Chromium",
            driver: setup::program("chromedriver", "chromium-driver")?,
            driver_variable: "CHROMEDRIVER",
            capabilities_file: file("Chromium", &capabilities)?,
            capabilities,
        })
    }

    pub(super) fn firefox() -> Result<Self> {
        let options = json!({
            "binary": setup::program("firefox-esr", "firefox-esr")?,
            "args": ["-headless"],
            "prefs": {
                "app.update.enabled": false,
                "datareporting.policy.dataSubmissionEnabled": false,
                // By default, Firefox ends service workers after 30 s, even if they are busy.
                "dom.serviceWorkers.idle_timeout": 600_000,
            },
        });
        let capabilities = json!({ "moz:firefoxOptions": options });
        Ok(Self {
            name: "Firefox",
            driver: setup::tool("geckodriver", "0.37.1")?,
            driver_variable: "GECKODRIVER",
            capabilities_file: file("Firefox", &capabilities)?,
            capabilities,
        })
    }
}

/// Writes the capabilities to a file for the wasm test runner, and returns its path.
fn file(browser: &str, capabilities: &Value) -> Result<PathBuf> {
    let path = target().join(format!("{browser}.json"));
    fs::write(&path, capabilities.to_string())?;
    Ok(path)
}
