//! Tests that the README is a landing page.

const README: &str = include_str!("../../README.md");

#[test]
fn its_programs_have_at_most_ten_lines() {
    let programs = README.split("\n```rust").skip(1);
    let lengths: Vec<_> = programs
        .filter_map(|block| block.split_once("\n```"))
        .map(|(program, _)| program.split('\n').skip(1))
        .map(|lines| lines.filter(|line| !line.starts_with("# ")).count())
        .collect();
    assert_eq!(lengths.len(), 4);
    assert!(lengths.iter().all(|length| *length <= 10), "{lengths:?}");
}

#[test]
fn its_links_lead_to_files() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
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
