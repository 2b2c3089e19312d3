//! Tests that the README is a landing page, and that pages read well where they are not rendered by rustdoc.

use std::fs;
use std::path::Path;

const README: &str = include_str!("../../README.md");

#[test]
fn its_programs_have_at_most_ten_lines() {
    let programs = README.split("\n```rust").skip(1);
    let lengths: Vec<_> = programs
        .filter_map(|block| block.split_once("\n```"))
        .map(|(program, _)| program.split('\n').skip(1))
        .map(Iterator::count)
        .collect();
    assert_eq!(lengths.len(), 4);
    assert!(lengths.iter().all(|length| *length <= 10), "{lengths:?}");
}

#[test]
fn its_links_lead_to_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let links = README
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let mut count = 0;
    for (link, _) in links.filter(|(link, _)| !link.contains("://")) {
        assert!(root.join(link).is_file(), "{link}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}

/// Only rustdoc hides the lines of a program that begin with `# `. A forge shows them.
#[test]
fn programs_of_pages_hide_no_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    for entry in fs::read_dir(&root).unwrap() {
        pages.push(entry.unwrap().path().join("README.md"));
    }
    for entry in fs::read_dir(root.join("guide")).unwrap() {
        pages.push(entry.unwrap().path());
    }
    let mut count = 0;
    for page in pages.iter().filter(|page| page.is_file()) {
        if page.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(page).unwrap();
        let programs = text.split("\n```rust").skip(1);
        for program in programs.filter_map(|block| block.split("\n```").next()) {
            let hidden = program
                .split('\n')
                .find(|line| line.starts_with("# ") || *line == "#");
            assert_eq!(hidden, None, "{}", page.display());
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
