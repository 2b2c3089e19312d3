//! Cargo, run by a program that cargo itself runs.

use std::{env, process::Command};

/// Arguments of cargo that select all packages, with all features.
///
/// Cargo resolves features for the selected packages. For each set of features, it compiles tokio, hyper and all their
/// dependents again. So tests, programs and lints select the same packages, and name the targets that they need.
///
/// Packages for pages only are excluded. sse-warp is excluded because it has an example with the same name as one of
/// sse-hyper, which the contract requires.
pub const ALL_PACKAGES: &str =
    "--workspace --exclude sse-npm --exclude sizes --exclude sse-warp --all-features";

/// Removes from a command the environment variables in which cargo describes the running package.
///
/// Some packages, such as ring, read them when they are built. Otherwise cargo would build them, and all packages
/// that depend on them, again for each package that runs cargo.
pub fn forget_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_str().unwrap_or_default();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}
