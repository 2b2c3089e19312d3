//! Cargo, run by what cargo runs.

use std::{env, process::Command};

/// Keeps from a command what cargo says of the package that is running. Packages that ask for it, as ring
/// does, would be built anew, and all that stands on them, whenever cargo is run by another.
pub fn forget_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_str().unwrap_or_default();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}
