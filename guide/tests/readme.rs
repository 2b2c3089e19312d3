//! Tests that the README is a landing page, and that pages read well where they are not rendered by rustdoc.

use std::{
    fs,
    path::{Path, PathBuf},
};

const README: &str = include_str!("../../README.md");

#[test]
fn its_programs_have_at_most_ten_lines() {
    let lengths: Vec<_> = programs(README)
        .map(|program| program.split('\n').skip(1).count())
        .collect();
    assert_eq!(lengths.len(), 4);
    assert!(lengths.iter().all(|length| *length <= 10), "{lengths:?}");
}

#[test]
fn its_links_lead_to_files() {
    let links = README
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let mut count = 0;
    for (link, _) in links.filter(|(link, _)| !link.contains("://")) {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = root().join(file);
        assert!(path.is_file(), "{link}");
        if !anchor.is_empty() {
            let page = fs::read_to_string(path).unwrap();
            assert!(anchors(&page).any(|found| found == anchor), "{link}");
        }
        count += 1;
    }
    assert!(count > 10, "{count}");
}

/// Only rustdoc hides the lines of a program that begin with `# `. A forge shows them.
#[test]
fn programs_of_pages_hide_no_lines() {
    let readmes = entries(&root()).map(|folder| folder.join("README.md"));
    let pages = entries(&root()).chain(entries(&root().join("guide")));
    let is_page = |page: &PathBuf| page.extension().is_some_and(|extension| extension == "md");
    let mut count = 0;
    for page in pages
        .filter(is_page)
        .chain(readmes.filter(|page| page.is_file()))
    {
        let text = fs::read_to_string(&page).unwrap();
        for program in programs(&text) {
            let is_hidden = |line: &&str| *line == "#" || line.starts_with("# ");
            let hidden = program.split('\n').map(str::trim).find(is_hidden);
            assert_eq!(hidden, None, "{}", page.display());
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

/// Returns the anchor that a forge gives each heading of a page.
fn anchors(page: &str) -> impl Iterator<Item = String> {
    let headings = page.split('\n').filter(|line| line.starts_with('#'));
    headings.map(|heading| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        words
            .chars()
            .filter(kept)
            .collect::<String>()
            .replace(' ', "-")
    })
}

/// Returns the programs in Rust of a page, each after the rest of the line that opens it.
fn programs(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("\n```rust").skip(1);
    blocks.filter_map(|block| Some(block.split_once("\n```")?.0))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path())
}
