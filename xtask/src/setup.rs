//! What the machine must have. What is missing is installed, or one line says what to install.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::run::{self, cargo, command, output, run};

/// Where Debian has servers such as nginx, which is not on everyone's path.
pub(crate) const SYSTEM_PROGRAMS: &str = "/usr/sbin";

/// A target of the toolchain, by `rustup`.
pub(crate) fn target(triple: &str) -> Result<()> {
    let libraries = output(command(
        "rustc",
        &format!("--print target-libdir --target {triple}"),
    ));
    if libraries.is_some_and(|folder| Path::new(&folder).exists()) {
        return Ok(());
    }
    if on_path("rustup").is_none() {
        bail!("install the standard library of {triple} for this toolchain");
    }
    run(command("rustup", &format!("target add {triple}")))
}

/// A component of the toolchain, by `rustup`, known by the program that it brings.
pub(crate) fn component(name: &str, program: &str) -> Result<()> {
    if output(command(program, "--version")).is_some() {
        return Ok(());
    }
    run(command("rustup", &format!("component add {name}")))
}

/// A program, by Debian's package if we are root. Gives its path.
pub(crate) fn program(name: &str, package_name: &str) -> Result<PathBuf> {
    if let Some(path) = on_path(name) {
        return Ok(path);
    }
    package(name, package_name)?;
    on_path(name)
        .ok_or_else(|| anyhow::anyhow!("{package_name} is installed, but brings no {name}"))
}

/// A program that crates.io has and Debian has not, built into the target folder. Gives its path.
pub(crate) fn tool(name: &str, version: &str) -> Result<PathBuf> {
    if let Some(path) = on_path(name) {
        return Ok(path);
    }
    let folder = run::target().join("tools");
    let path = folder.join("bin").join(name);
    if !path.is_file() {
        let mut install = cargo(&format!(
            "install {name} --version {version} --locked --debug"
        ));
        run(install.arg("--root").arg(folder)).with_context(|| {
            format!("{name} is missing: install it (cargo install {name}, or from its makers)")
        })?;
    }
    Ok(path)
}

/// What is missing, by Debian's package if we are root.
pub(crate) fn package(missing: &str, package: &str) -> Result<()> {
    let root = output(command("id", "-u")).is_some_and(|id| id == "0");
    if !root || on_path("apt-get").is_none() {
        bail!("{missing} is missing: install it (Debian and Ubuntu: apt-get install {package})");
    }
    run(command("apt-get", "update --quiet"))?;
    let mut install = command("apt-get", &format!("install --yes --quiet {package}"));
    install.env("DEBIAN_FRONTEND", "noninteractive");
    run(install)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .chain([SYSTEM_PROGRAMS.into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
