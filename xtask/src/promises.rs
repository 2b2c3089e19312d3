//! Checks that each promise in the tables of SECURITY.md, and each requirement of CONFORMANCE.md, names a test that
//! exists.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use crate::run::root;

/// Documents with tables of promises.
const DOCUMENTS: [&str; 2] = ["SECURITY.md", "sse-mercure/CONFORMANCE.md"];

/// Heading of the column that names the tests.
const COLUMN: &str = "Test";

/// Returns an error for a promise without a test, or for a test that does not exist.
pub(crate) fn check() -> Result<()> {
    DOCUMENTS.into_iter().try_for_each(check_document)
}

fn check_document(document: &str) -> Result<()> {
    let text = fs::read_to_string(root().join(document)).with_context(|| document.to_owned())?;
    let rows = rows(&text);
    ensure!(
        !rows.is_empty(),
        "{document}: no table has the column {COLUMN:?}"
    );
    for (number, cell) in rows {
        check_row(root(), cell).with_context(|| format!("{document}:{number}"))?;
    }
    Ok(())
}

/// Returns the cells of the column, with their line numbers.
fn rows(text: &str) -> Vec<(usize, &str)> {
    let mut rows = Vec::new();
    let mut is_wanted = false;
    for (number, line) in (1..).zip(text.split('\n')) {
        let Some(cells) = line.trim().strip_prefix('|') else {
            is_wanted = false;
            continue;
        };
        let cells = cells.strip_suffix('|').unwrap_or(cells);
        let last = cells.rsplit('|').next().unwrap_or_default().trim();
        if last == COLUMN {
            is_wanted = true;
        } else if is_wanted && !last.starts_with("---") {
            rows.push((number, last));
        }
    }
    rows
}

/// Checks a cell: it must have one or more tests in backticks, each a path from the root, `::` and a name.
fn check_row(root: &Path, cell: &str) -> Result<()> {
    let tests: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
    ensure!(!tests.is_empty(), "the promise names no test");
    for test in tests {
        let Some((path, name)) = test.split_once("::") else {
            bail!("{test:?} is not a path, `::` and a name");
        };
        let source = fs::read_to_string(root.join(path)).with_context(|| path.to_owned())?;
        let is_there = [
            format!("fn {name}("),
            format!("\"{name}\""),
            format!("    {name},"),
        ];
        ensure!(
            is_there.iter().any(|form| source.contains(form)),
            "{path} has no test {name:?}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_tests_are_found() {
        let text = "| Promise | Test |\n|---|---|\n| a | `b.rs::c` |\n| d | |\n\n| e | f |\n|---|---|\n| g | h |\n";
        let rows = rows(text);
        assert_eq!(rows, [(3, "`b.rs::c`"), (4, "")]);
        let this = "xtask/src/promises.rs";
        for (cell, is_right) in [
            ("", false),
            ("`no`", false),
            ("`no/file.rs::check`", false),
            (&*format!("`{this}::check`"), true),
            (&*format!("`{this}::check`, `{this}::no_such_test`"), false),
        ] {
            assert_eq!(check_row(root(), cell).is_ok(), is_right, "{cell}");
        }
    }
}
