//! Installs required programs that are missing, or returns an error that names the command to install them.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::run::{self, cargo, command, output, run};

/// Folder of servers such as nginx on Debian. It is not on the `PATH` of each user.
pub(crate) const SYSTEM_PROGRAMS: &str = "/usr/sbin";

/// Installs a target of the toolchain with `rustup`, if it is missing.
pub(crate) fn target(triple: &str) -> Result<()> {
    let libraries = output(command(
        "rustc",
        &format!("--print target-libdir --target {triple}"),
    ));
    if libraries.is_some_and(|folder| Path::new(&folder).exists()) {
        return Ok(());
    }
    if on_path("rustup").is_none() {
        bail!("standard library of {triple} is missing: install it for this toolchain");
    }
    run(command("rustup", &format!("target add {triple}")))
}

/// Installs a component of the toolchain with `rustup`, if its program is missing.
pub(crate) fn component(name: &str, program: &str) -> Result<()> {
    if output(command(program, "--version")).is_some() {
        return Ok(());
    }
    run(command("rustup", &format!("component add {name}")))
}

/// Returns the path of a program. If it is missing, installs Debian's package, which needs root.
pub(crate) fn program(name: &str, package_name: &str) -> Result<PathBuf> {
    if let Some(path) = on_path(name) {
        return Ok(path);
    }
    package(name, package_name)?;
    on_path(name)
        .ok_or_else(|| anyhow::anyhow!("{package_name} is installed, but has no program {name}"))
}

/// Installs Debian's package of a server whose program is missing. Its service is stopped, and does not start at boot.
///
/// The tests start the program themselves. The service would use a port that another program needs, for example 80.
pub(crate) fn server(name: &str, package_name: &str) -> Result<()> {
    if on_path(name).is_some() {
        return Ok(());
    }
    program(name, package_name)?;
    // The service has the name of the package. A command fails if the machine has no such service, or no services.
    for (program, arguments) in [
        ("service", format!("{package_name} stop")),
        ("update-rc.d", format!("{package_name} disable")),
    ] {
        if let Some(path) = on_path(program) {
            output(command(&path.display().to_string(), &arguments));
        }
    }
    Ok(())
}

/// Returns the path of a program from crates.io that Debian lacks. If it is missing, builds it in the target folder.
pub(crate) fn tool(name: &str, version: &str) -> Result<PathBuf> {
    install(name, name, &format!("--version {version} --debug"))
}

/// Returns the path of the program of another crate, with optimizations. If it is missing, builds it in the target
/// folder.
pub(crate) fn peer(name: &str, program: &str, version: &str) -> Result<PathBuf> {
    install(name, program, &format!("--version {version}"))
}

fn install(name: &str, program: &str, options: &str) -> Result<PathBuf> {
    if let Some(path) = on_path(program) {
        return Ok(path);
    }
    let folder = run::target().join("tools");
    let path = folder.join("bin").join(program);
    if !path.is_file() {
        let mut install = cargo(&format!("install {name} --locked {options}"));
        run(install.arg("--root").arg(folder)).with_context(|| {
            format!("{program} is missing: install it (cargo install {name}, or from its project)")
        })?;
    }
    Ok(path)
}

/// Installs Debian's package for something that is missing. Returns an error if the user is not root.
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

/// Returns the `PATH`, with the folder in which Debian installs most servers.
pub(crate) fn path() -> Option<OsString> {
    let path = env::var_os("PATH")?;
    let folders = env::split_paths(&path).chain([SYSTEM_PROGRAMS.into()]);
    env::join_paths(folders).ok()
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .chain([SYSTEM_PROGRAMS.into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
