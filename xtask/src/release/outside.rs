//! Builds new projects that use the packages, like those of new users.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};

use super::packages::{self, cargo_in, patch};
use crate::{
    page,
    published::PUBLISHED,
    run::{output, root, run, target},
    setup,
};

/// Libraries, each with code that uses it.
const PROJECTS: [(&str, &str); 10] = [
    (
        "sse-proto",
        "pub fn new() -> sse_proto::Event { sse_proto::Event::new(\"hello\") }",
    ),
    (
        "sse-hyper",
        "pub fn new() -> sse_hyper::StreamTracker { sse_hyper::StreamTracker::default() }",
    ),
    (
        "sse-warp",
        "pub fn new() -> sse_warp::StreamTracker { sse_warp::StreamTracker::default() }",
    ),
    (
        "sse-hub",
        "pub fn new() -> sse_hub::Hub { sse_hub::Hub::default() }",
    ),
    (
        "sse-hub-nats",
        "pub fn new() -> sse_hub_nats::NatsConfig { sse_hub_nats::NatsConfig::default() }",
    ),
    (
        "sse-hub-redb",
        "pub fn new() -> sse_hub_redb::RedbConfig { sse_hub_redb::RedbConfig::default() }",
    ),
    (
        "sse-mercure",
        "pub fn new() -> sse_mercure::Limits { sse_mercure::Limits::default() }",
    ),
    (
        "sse-reactor",
        "pub fn new(reactor: sse_reactor::Reactor) -> sse_reactor::Reactor { reactor.clone() }",
    ),
    (
        "sse-source",
        "pub fn new() -> sse_source::Builder { sse_source::EventSource::get(\"http://[::1]/\") }",
    ),
    (
        "sse-wasm",
        "pub fn new() -> sse_wasm::Builder { sse_wasm::Builder::new(\"/events\") }",
    ),
];

/// Allowed dependencies of sse-proto, by feature.
const TREES: [(&str, &[&str]); 3] = [
    ("", &["memchr"]),
    ("simd", &["memchr", "simdutf8"]),
    ("bytes", &["memchr", "bytes"]),
];

/// Builds a project for each library, runs the command, and checks the dependencies of the codec.
pub(crate) fn build() -> Result<()> {
    setup::target(page::TARGET)?;
    let folder = target().join("outside");
    for (name, code) in PROJECTS {
        let project = folder.join(name);
        write(&project, name, code)?;
        let (_, target) = PUBLISHED
            .into_iter()
            .find(|(published, _)| *published == name)
            .with_context(|| format!("{name} is not published"))?;
        run(cargo_in(&project, &format!("check {target}")))?;
    }
    codec_alone(&folder.join("sse-proto"))?;
    let command = "run --package sse-cli --bin sse -- --version";
    run(cargo_in(&packages::folder(), command))
}

fn write(project: &Path, name: &str, code: &str) -> Result<()> {
    let features = match name {
        "sse-proto" => "[features]\nsimd = [\"sse-proto/simd\"]\nbytes = [\"sse-proto/bytes\"]\n\n",
        _ => "",
    };
    let manifest = format!(
        "[package]\nname = \"new\"\nedition = \"2024\"\n\n{features}\
         [dependencies]\n{name} = {:?}\n\n[workspace]\n\n{}",
        env!("CARGO_PKG_VERSION"),
        patch(&packages::folder())
    );
    fs::create_dir_all(project.join("src"))?;
    fs::write(project.join("Cargo.toml"), manifest)?;
    fs::write(project.join("src/lib.rs"), code)?;
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock"))?;
    Ok(())
}

fn codec_alone(project: &Path) -> Result<()> {
    for (feature, allowed) in TREES {
        let tree = output(cargo_in(
            project,
            &format!("tree --edges normal --prefix none --features={feature}"),
        ));
        let tree = tree.context("cargo tree fails")?;
        let more: Vec<_> = names(&tree)
            .into_iter()
            .filter(|name| !["new", "sse-proto"].contains(name) && !allowed.contains(name))
            .collect();
        ensure!(
            more.is_empty(),
            "sse-proto with the feature {feature:?} also depends on {}, allowed are {}",
            more.join(", "),
            allowed.join(", ")
        );
    }
    Ok(())
}

/// Returns the names of the packages in the output of `cargo tree --prefix none`.
fn names(tree: &str) -> BTreeSet<&str> {
    tree.split('\n')
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_names_of_a_tree() {
        let tree = "new v0.0.0 (/tmp/new)\nsse-proto v0.1.0 (/tmp/sse-proto)\nmemchr v2.8.0\n\
                    memchr v2.8.0 (*)\n";
        let expected = BTreeSet::from(["memchr", "new", "sse-proto"]);
        assert_eq!(names(tree), expected);
    }
}
