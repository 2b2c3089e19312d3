//! The crates that are published. All others stay here.

/// What is published and people depend on, with the target that they do it for.
pub(crate) const PUBLISHED: [(&str, &str); 8] = [
    ("sse-proto", ""),
    ("sse-hyper", ""),
    ("sse-warp", ""),
    ("sse-hub", ""),
    ("sse-hub-nats", ""),
    ("sse-source", ""),
    ("sse-cli", ""),
    ("sse-wasm", "--target wasm32-unknown-unknown"),
];

/// The names of all that is published.
pub(crate) fn names() -> [&'static str; PUBLISHED.len()] {
    PUBLISHED.map(|(name, _)| name)
}

/// Those of them that are no command.
pub(crate) fn libraries() -> Vec<&'static str> {
    let mut libraries = names().to_vec();
    libraries.retain(|name| *name != "sse-cli");
    libraries
}

/// The crates as arguments of cargo.
pub(crate) fn select(names: &[&str]) -> String {
    let arguments: Vec<_> = names
        .iter()
        .map(|name| format!("--package {name}"))
        .collect();
    arguments.join(" ")
}
