//! Checks the metadata that crates.io and docs.rs show of a crate.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    published::names,
    run::{cargo, output, root},
};

/// Files that each package must have in addition to its code.
const FILES: [&str; 3] = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Keys of a manifest that must have a text.
const TEXTS: [&str; 5] = [
    "description",
    "license",
    "readme",
    "rust_version",
    "documentation",
];

/// Returns an error that lists all faults.
pub(crate) fn check() -> Result<()> {
    let metadata = output(cargo("metadata --no-deps --format-version 1"));
    let metadata = metadata.context("cargo metadata fails")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let published: Vec<_> = packages
        .iter()
        .filter(|package| package["publish"] != Value::Array(Vec::new()))
        .collect();

    let mut faults = unlisted(&published);
    let version = env!("CARGO_PKG_VERSION");
    for package in &published {
        faults.extend(manifest_faults(package, version));
        faults.extend(file_faults(package)?);
    }
    let news = fs::read_to_string(root().join("CHANGELOG.md")).unwrap_or_default();
    if !names_version(&news, version) {
        faults.push(format!(
            "CHANGELOG.md: no heading with the version {version}"
        ));
    }
    if published
        .iter()
        .any(|package| package["repository"].is_null())
    {
        eprintln!("warning: `repository` is empty: crates.io will not link to the code");
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// Returns a fault for each crate that is published but not in the list, and the other way round.
fn unlisted(published: &[&Value]) -> Vec<String> {
    let found: Vec<_> = published
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let unknown = found.iter().filter(|name| !names().contains(name));
    let missing = names().into_iter().filter(|name| !found.contains(name));
    unknown
        .map(|name| {
            format!("{name}: neither `publish = false` nor in the list of published crates")
        })
        .chain(missing.map(|name| {
            format!("{name}: in the list of published crates, but cannot be published")
        }))
        .collect()
}

fn manifest_faults(package: &Value, version: &str) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    let count = |key: &str| package[key].as_array().map_or(0, Vec::len);
    let mut faults: Vec<_> = TEXTS
        .into_iter()
        .filter(|key| text(key).is_empty())
        .map(|key| format!("{name}: no `{key}`"))
        .collect();
    // crates.io refuses more than 5.
    for key in ["keywords", "categories"] {
        if !(1..=5).contains(&count(key)) {
            faults.push(format!("{name}: {} `{key}`, not 1 to 5", count(key)));
        }
    }
    if text("documentation") != format!("https://docs.rs/{name}") {
        faults.push(format!(
            "{name}: `documentation` is not its page of docs.rs"
        ));
    }
    if text("version") != version {
        faults.push(format!(
            "{name}: `version` is {}, not {version}",
            text("version")
        ));
    }
    faults
}

/// Returns a fault for each file that the package would not contain.
fn file_faults(package: &Value) -> Result<Vec<String>> {
    let Some(name) = package["name"].as_str() else {
        bail!("a package has no name");
    };
    let list = output(cargo(&format!(
        "package --list --allow-dirty --package {name}"
    )));
    let list = list.with_context(|| format!("cargo package --list --package {name} fails"))?;
    let missing = FILES
        .into_iter()
        .filter(|file| !list.split('\n').any(|line| line == *file));
    Ok(missing
        .map(|file| format!("{name}: {file} is not in the package"))
        .collect())
}

fn names_version(news: &str, version: &str) -> bool {
    news.split('\n')
        .filter(|line| line.starts_with('#'))
        .flat_map(|line| line.split(|c: char| c.is_whitespace() || "[]()".contains(c)))
        .any(|word| word.trim_start_matches('v') == version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "name": "sse-proto",
            "version": "0.1.0",
            "description": "The codec",
            "license": "MIT",
            "readme": "README.md",
            "rust_version": "1.88",
            "documentation": "https://docs.rs/sse-proto",
            "keywords": ["sse"],
            "categories": ["encoding"],
        })
    }

    #[test]
    fn says_all_that_is_wrong_with_a_manifest() {
        assert_eq!(manifest_faults(&good(), "0.1.0"), Vec::<String>::new());

        let mut bad = good();
        bad["description"] = Value::Null;
        bad["keywords"] = json!(["1", "2", "3", "4", "5", "6"]);
        bad["documentation"] = json!("https://docs.rs/sse-hyper");
        assert_eq!(
            manifest_faults(&bad, "0.2.0"),
            [
                "sse-proto: no `description`",
                "sse-proto: 6 `keywords`, not 1 to 5",
                "sse-proto: `documentation` is not its page of docs.rs",
                "sse-proto: `version` is 0.1.0, not 0.2.0",
            ],
        );
    }

    #[test]
    fn published_crates_are_those_of_the_list() {
        let mut all: Vec<_> = names().map(|name| json!({ "name": name })).into();
        assert!(unlisted(&all.iter().collect::<Vec<_>>()).is_empty());

        all[0] = json!({ "name": "xtask" });
        let faults = unlisted(&all.iter().collect::<Vec<_>>());
        assert_eq!(faults.len(), 2);
        assert!(faults[0].starts_with("xtask: ") && faults[1].starts_with("sse-proto: "));
    }

    #[test]
    fn finds_the_version_in_a_heading_alone() {
        assert!(names_version("# News\n\n## [0.1.0] - 2026\n", "0.1.0"));
        assert!(names_version("## v0.1.0", "0.1.0"));
        assert!(!names_version("## 0.1.0-rc.1\n0.1.0\n## 10.1.0", "0.1.0"));
    }
}
