//! Cargo, run by a program that cargo itself runs.

use std::{env, process::Command};

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
