//! Packages as they would be uploaded, and the workspace into which they are unpacked.
//!
//! That workspace has no other files of this repository but `Cargo.lock`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    published::{names, select},
    run::{cargo, command, root, run, target},
};

/// Returns the folder into which the packages are unpacked.
pub(crate) fn folder() -> PathBuf {
    target().join("published")
}

/// Creates all packages and unpacks them.
///
/// Later steps build the unpacked files. cargo's own verification is off, because it would build the sources that it
/// has kept of an earlier package of this version.
pub(crate) fn make() -> Result<()> {
    let all = select(&names());
    run(cargo(&format!("package --allow-dirty --no-verify {all}")))?;
    eprintln!();
    for name in names() {
        let size = fs::metadata(file(name))?.len();
        eprintln!("{name:12} {:4} KB", size.div_ceil(1000));
    }
    unpack(&folder())
}

/// Unpacks the packages into this folder, which is emptied first.
pub(crate) fn unpack(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for name in names() {
        let crate_folder = folder.join(name);
        fs::create_dir_all(&crate_folder)?;
        let mut unpack = command("tar", "--strip-components=1 -xzf");
        run(unpack.arg(file(name)).arg("-C").arg(crate_folder))?;
    }
    let members = names().map(|name| format!("{name:?}")).join(", ");
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n{}",
        patch(Path::new(""))
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(())
}

/// Returns the manifest section that makes a project use the packages in this folder as if they were published.
pub(crate) fn patch(folder: &Path) -> String {
    let lines = names().map(|name| format!("{name} = {{ path = {:?} }}\n", folder.join(name)));
    format!("[patch.crates-io]\n{}", lines.concat())
}

/// Returns a cargo command that runs in such a folder. All these commands share one target folder.
pub(crate) fn cargo_in(folder: &Path, arguments: &str) -> Command {
    let mut cargo = cargo(arguments);
    at(&mut cargo, folder);
    cargo
}

/// Makes a program run in such a folder.
pub(crate) fn at(program: &mut Command, folder: &Path) {
    program
        .current_dir(folder)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_TARGET_DIR", target().join("published-build"));
}

/// Returns the path of a crate's package.
fn file(name: &str) -> PathBuf {
    let version = env!("CARGO_PKG_VERSION");
    target().join(format!("package/{name}-{version}.crate"))
}
