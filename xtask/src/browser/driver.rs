//! Browsers, and what drives them.

use std::{fs, path::PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{run::target, setup};

/// The programs that a browser needs.
pub(super) struct Browser {
    pub(super) name: &'static str,
    pub(super) driver: PathBuf,
    /// Where the runner of the wasm tests looks for the driver.
    pub(super) driver_variable: &'static str,
    /// What the driver is asked for.
    pub(super) capabilities: Value,
}

impl Browser {
    pub(super) fn chromium() -> Result<Self> {
        let options = json!({
            "binary": setup::program("chromium", "chromium")?,
            "args": testkit::browser::CHROMIUM,
        });
        Ok(Self {
            name: "Chromium",
            driver: setup::program("chromedriver", "chromium-driver")?,
            driver_variable: "CHROMEDRIVER",
            capabilities: json!({ "goog:chromeOptions": options }),
        })
    }

    pub(super) fn firefox() -> Result<Self> {
        let options = json!({
            "binary": setup::program("firefox-esr", "firefox-esr")?,
            "args": ["-headless"],
            "prefs": {
                "app.update.enabled": false,
                "datareporting.policy.dataSubmissionEnabled": false,
                // Its service workers end after half a minute otherwise, busy or not.
                "dom.serviceWorkers.idle_timeout": 600_000,
            },
        });
        Ok(Self {
            name: "Firefox",
            driver: setup::tool("geckodriver", "0.37.1")?,
            driver_variable: "GECKODRIVER",
            capabilities: json!({ "moz:firefoxOptions": options }),
        })
    }

    /// A file that says what the driver is asked for.
    pub(super) fn capabilities_file(&self) -> Result<PathBuf> {
        let path = target().join(format!("{}.json", self.name));
        fs::write(&path, self.capabilities.to_string())?;
        Ok(path)
    }
}
