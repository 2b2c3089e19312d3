//! Runs the tests of programs that depend on crates that `compat/` replaces, with the replacements.
//!
//! `dependents.toml` lists the programs. Cargo downloads their sources, and they are tested in copies of them.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
};

use anyhow::{Context, Result, bail, ensure};
use regex::Regex;
use serde::Deserialize;

use crate::run::{cargo, output, root, run, target};

const LIST: &str = include_str!("../dependents.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    program: Vec<Program>,
}

/// Program that depends on a crate that is replaced.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    name: String,
    version: String,
    /// Crates that are replaced, and the folder of each replacement, from the root.
    patches: BTreeMap<String, String>,
    /// Features besides the default ones, separated by commas.
    #[serde(default)]
    features: String,
    /// Arguments of `cargo test` that select files of tests.
    #[serde(default)]
    selection: String,
    #[serde(default)]
    skipped: Vec<SkippedTests>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkippedTests {
    /// Parts of the names of the tests.
    tests: Vec<String>,
    reason: String,
}

/// Tests the programs, or only those with this name, and prints the table of `compat/README.md`.
pub(crate) fn test(only: Option<&str>) -> Result<()> {
    let List { program: programs } = toml::from_str(LIST)?;
    let selected: Vec<_> = programs
        .iter()
        .filter(|program| only.is_none_or(|name| program.name == name))
        .collect();
    ensure!(!selected.is_empty(), "no program is selected");
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for program in selected {
        match program.test() {
            Ok(counts) => {
                let failed = counts.failed_tests.iter();
                failures.extend(failed.map(|test| format!("{}: {test}", program.label())));
                rows.push(program.row(&counts));
            }
            Err(error) => failures.push(format!("{}: {error:#}", program.label())),
        }
    }
    println!("| program | by | tests passed | failed | not run |");
    println!("|---|---|---:|---:|---|");
    for row in rows {
        println!("{row}");
    }
    ensure!(failures.is_empty(), "failed:\n{}", failures.join("\n"));
    Ok(())
}

impl Program {
    fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    fn test(&self) -> Result<TestResults> {
        let folder = self.copy_source()?;
        let manifest = folder.join("Cargo.toml");
        self.add_patches(&manifest)?;
        self.check_patches(&manifest)?;

        let mut tests = self.cargo("test --no-fail-fast", &manifest);
        // Many programs require a newer compiler than they need.
        tests
            .args(["--ignore-rust-version", "--features", &self.features])
            .args(self.selection.split_whitespace())
            .arg("--");
        for test in self.skipped.iter().flat_map(|skipped| &skipped.tests) {
            tests.args(["--skip", test]);
        }
        eprintln!("\n== {}: tests", self.label());
        // The output of the compiler is for the user, that of the tests is counted.
        let printed = tests.stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8_lossy(&printed.stdout);
        fs::write(folder.join("tests.log"), &*text)?;
        let counts = TestResults::of(&text)?;
        ensure!(
            printed.status.success() || counts.failed > 0,
            "cargo test fails: {}",
            printed.status
        );
        ensure!(counts.passed > 0, "no test ran");
        Ok(counts)
    }

    /// Returns a command of cargo for the copy of the program.
    fn cargo(&self, arguments: &str, manifest: &Path) -> Command {
        let mut cargo = cargo(arguments);
        cargo
            .arg("--manifest-path")
            .arg(manifest)
            .env("CARGO_TARGET_DIR", dependents().join("target"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            // The newest versions of its dependencies, except those that need a newer compiler.
            .env("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS", "fallback");
        // The tests of some programs send requests if they find a key.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().ends_with("_API_KEY") {
                cargo.env_remove(name);
            }
        }
        cargo
    }

    /// Lets cargo download the source of the program, and copies it.
    fn copy_source(&self) -> Result<PathBuf> {
        let Self { name, version, .. } = self;
        let scratch = dependents()
            .join("download")
            .join(format!("{name}-{version}"));
        recreate(&scratch)?;
        let manifest = scratch.join("Cargo.toml");
        let text = format!(
            "[package]\nname = \"download\"\nedition = \"2024\"\n\n[lib]\npath = \"lib.rs\"\n\n\
             [dependencies]\n{name} = {{ version = \"={version}\", default-features = false }}\n\n[workspace]\n"
        );
        fs::write(&manifest, text)?;
        fs::write(scratch.join("lib.rs"), "")?;
        run(self.cargo("fetch", &manifest))?;
        let metadata = self.cargo("metadata --format-version 1", &manifest);
        let metadata = output(metadata).context("cargo metadata fails")?;
        let Metadata { packages } = serde_json::from_str(&metadata)?;
        let package = packages
            .iter()
            .find(|package| package.name == *name)
            .context("cargo does not list it")?;
        let source = package.manifest_path.parent().context("no folder")?;
        let folder = dependents().join(format!("{name}-{version}"));
        recreate(&folder)?;
        copy(source, &folder)?;
        Ok(folder)
    }

    /// Adds the replacements to the manifest, which becomes the root of a workspace.
    fn add_patches(&self, manifest: &Path) -> Result<()> {
        let mut text = fs::read_to_string(manifest)? + "\n[workspace]\n";
        for (replaced, replacement) in &self.patches {
            let path = root().join(replacement);
            text += &format!("\n[patch.crates-io.{replaced}]\npath = {path:?}\n");
        }
        fs::write(manifest, text)?;
        // Cargo keeps the versions of a lock file, also that of a crate that is replaced.
        let lock = manifest.with_extension("lock");
        if lock.exists() {
            fs::remove_file(lock)?;
        }
        Ok(())
    }

    /// Checks that cargo uses the replacements, and nothing else in their place.
    fn check_patches(&self, manifest: &Path) -> Result<()> {
        for (replaced, replacement) in &self.patches {
            let mut tree = self.cargo("tree --depth 0", manifest);
            tree.args(["--features", &self.features, "--invert", replaced]);
            // An error if there are several versions.
            let tree = output(tree).context("cargo tree does not find one version")?;
            let path = root().join(replacement);
            if !tree.contains(&format!("({})", path.display())) {
                bail!("the replacement is not used: {tree}");
            }
            eprintln!("{}: {tree}", self.label());
        }
        Ok(())
    }

    /// Returns the row of the table.
    fn row(&self, counts: &TestResults) -> String {
        let mut remarks = Vec::new();
        if counts.skipped > 0 {
            let reasons = self.skipped.iter().map(|skipped| &*skipped.reason);
            let reasons = reasons.collect::<Vec<_>>().join(", or ");
            remarks.push(format!("{} {reasons}", counts.skipped));
        }
        if counts.ignored > 0 {
            remarks.push(format!("{} that it ignores itself", counts.ignored));
        }
        let features = match &*self.features {
            "" => String::new(),
            features => format!(", `{features}`"),
        };
        let replacements: Vec<_> = self
            .patches
            .values()
            .map(|folder| format!("`{}`", folder.trim_start_matches("compat/")))
            .collect();
        format!(
            "| {}{features} | {} | {} | {} | {} |",
            self.label(),
            replacements.join(", "),
            counts.passed,
            counts.failed,
            remarks.join("; "),
        )
    }
}

/// Results that `cargo test` printed.
#[derive(Debug, Default, PartialEq)]
struct TestResults {
    passed: u64,
    failed: u64,
    ignored: u64,
    skipped: u64,
    failed_tests: Vec<String>,
}

impl TestResults {
    fn of(printed: &str) -> Result<Self> {
        let result = Regex::new(
            r"(?m)^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored; \d+ measured; (\d+) filtered out",
        )?;
        let failure = Regex::new(r"(?m)^test (.+) \.\.\. FAILED$")?;
        let mut counts = Self::default();
        for (_, numbers) in result.captures_iter(printed).map(|found| found.extract()) {
            let [passed, failed, ignored, skipped] = numbers.map(u64::from_str);
            counts.passed += passed?;
            counts.failed += failed?;
            counts.ignored += ignored?;
            counts.skipped += skipped?;
        }
        for (_, [name]) in failure.captures_iter(printed).map(|found| found.extract()) {
            counts.failed_tests.push(name.to_owned());
        }
        Ok(counts)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
}

fn dependents() -> PathBuf {
    target().join("dependents")
}

/// Creates the folder, without what a run before has left there.
fn recreate(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_has_its_replacements() {
        let List { program: programs } = toml::from_str(LIST).unwrap();
        for program in programs {
            for (replaced, replacement) in &program.patches {
                let manifest = root().join(replacement).join("Cargo.toml");
                let manifest = fs::read_to_string(manifest).unwrap();
                let name = format!("name = \"{replaced}\"");
                assert!(manifest.contains(&name), "{}", program.label());
            }
        }
    }

    #[test]
    fn results_of_all_test_programs_are_added() {
        let printed = "\
            test a ... ok\n\
            test b::c ... FAILED\n\
            test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            test src/lib.rs - d (line 5) ... FAILED\n\
            test result: FAILED. 20 passed; 1 failed; 3 ignored; 0 measured; 2 filtered out; finished in 1.0s\n";
        let expected = TestResults {
            passed: 21,
            failed: 2,
            ignored: 3,
            skipped: 2,
            failed_tests: vec!["b::c".into(), "src/lib.rs - d (line 5)".into()],
        };
        assert_eq!(TestResults::of(printed).unwrap(), expected);
    }
}
