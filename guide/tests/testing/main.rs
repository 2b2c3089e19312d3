//! The programs of the guide's page on testing. They are tests, which doctests would not run.

mod handler;
mod program;

#[test]
fn the_page_shows_these_programs() {
    let page = include_str!("../../testing.md");
    let blocks = page.split("```rust\n").skip(1);
    let programs: Vec<_> = blocks
        .filter_map(|block| block.split_once("```"))
        .map(|(program, _)| program)
        .collect();
    assert_eq!(
        programs,
        [include_str!("handler.rs"), include_str!("program.rs")]
    );
}
