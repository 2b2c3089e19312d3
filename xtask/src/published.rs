//! Crates that are published. No other crate of the workspace is.

/// Published crates, each with the cargo arguments for its target.
pub(crate) const PUBLISHED: [(&str, &str); 11] = [
    ("sse-proto", ""),
    ("sse-hyper", ""),
    ("sse-warp", ""),
    ("sse-hub", ""),
    ("sse-hub-nats", ""),
    ("sse-hub-redb", ""),
    ("sse-mercure", ""),
    ("sse-reactor", ""),
    ("sse-source", ""),
    ("sse-cli", ""),
    ("sse-wasm", "--target wasm32-unknown-unknown"),
];

/// Returns the names of all published crates.
pub(crate) fn names() -> [&'static str; PUBLISHED.len()] {
    PUBLISHED.map(|(name, _)| name)
}

/// Returns the names of the published libraries: all crates but the command.
pub(crate) fn libraries() -> Vec<&'static str> {
    let mut libraries = names().to_vec();
    libraries.retain(|name| *name != "sse-cli");
    libraries
}

/// Returns the arguments of cargo that select these crates.
pub(crate) fn select(names: &[&str]) -> String {
    let arguments: Vec<_> = names
        .iter()
        .map(|name| format!("--package {name}"))
        .collect();
    arguments.join(" ")
}
