//! Features of SDKs and front-end libraries that were checked, and tables of them.

use std::fmt;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// Result of checking one feature of an SDK or a front-end library.
#[derive(Clone, Debug, Deserialize)]
pub struct Check {
    /// Name of the SDK.
    pub sdk: String,
    /// Installed version of the SDK.
    pub version: String,
    /// Name of the feature.
    pub feature: String,
    /// Reason why the feature does not work.
    pub error: Option<String>,
}

/// Table of checks: a row for each SDK, and a column for each feature.
#[derive(Debug)]
pub struct Table<'a>(pub &'a [Check]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut features: Vec<&str> = Vec::new();
        let mut sdks: Vec<(&str, &str)> = Vec::new();
        for check in self.0 {
            if !features.contains(&&*check.feature) {
                features.push(&check.feature);
            }
            let sdk = (&*check.sdk, &*check.version);
            if !sdks.contains(&sdk) {
                sdks.push(sdk);
            }
        }
        writeln!(f, "| SDK | version | {} |", features.join(" | "))?;
        writeln!(f, "|---|---|{}", "---|".repeat(features.len()))?;
        for (sdk, version) in sdks {
            write!(f, "| {sdk} | {version} |")?;
            for feature in &features {
                let found = self.0.iter().find(|check| {
                    (&*check.sdk, &*check.version, &&*check.feature) == (sdk, version, feature)
                });
                let cell = found.map_or("", |check| {
                    if check.error.is_none() {
                        "yes"
                    } else {
                        "**no**"
                    }
                });
                write!(f, " {cell} |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Returns an error that names each feature that does not work.
pub fn ensure_all_work(checks: &[Check]) -> Result<()> {
    let failures = checks.iter().filter_map(|check| {
        let error = check.error.as_ref()?;
        Some(format!("\n{}, {}: {error}", check.sdk, check.feature))
    });
    let failures: String = failures.collect();
    ensure!(failures.is_empty(), "these do not work:{failures}");
    Ok(())
}
