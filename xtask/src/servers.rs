//! The servers of the contract before real clients, behind real proxies, and in trouble; and the demo
//! before the command.

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{
    npm,
    run::{cargo, command, output, root, run, target},
    setup, whole,
};

/// What the tests run, by the names that they know it by: the servers by sse-hyper, the demo server, the
/// same as one of several, and the command.
const PROGRAMS: [(&str, &str); 5] = [
    ("hyper", "examples/contract_server"),
    ("axum", "examples/contract_server_axum"),
    ("web", "web"),
    ("node", "node"),
    ("sse", "sse"),
];

/// Builds the programs, brings the proxies and the clients, and runs the tests of
/// `interop`.
pub(crate) fn test() -> Result<()> {
    for (name, package) in [
        ("nginx", "nginx"),
        ("haproxy", "haproxy"),
        ("nats-server", "nats-server"),
        ("curl", "curl"),
        ("chromium", "chromium"),
        ("firefox-esr", "firefox-esr"),
        ("node", "nodejs"),
        ("npm", "npm"),
        ("python3", "python3-venv"),
    ] {
        setup::program(name, package)?;
    }
    let folder = target().join("interop");
    let scratch = folder.join("scratch");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    programs(&folder)?;
    clients(&folder)?;
    npm::package(&folder.join("npm"))?;

    let mut tests = whole::cargo_all("test", "--test interop -- --nocapture --test-threads=4");
    tests.env("INTEROP_FOLDER", &folder);
    // Where Debian has nginx, HAProxy and NATS, for those who are not root too.
    if let Some(path) = env::var_os("PATH") {
        let folders = env::split_paths(&path).chain([setup::SYSTEM_PROGRAMS.into()]);
        tests.env("PATH", env::join_paths(folders)?);
    }
    run(tests)
}

/// Two of the examples have one name: the first is copied before the other is built.
fn programs(folder: &Path) -> Result<()> {
    whole::build(
        "--example contract_server --example contract_server_axum --bin web --bin node --bin sse",
    )?;
    for (name, built) in PROGRAMS {
        copy(built, folder, name)?;
    }
    run(cargo(
        "build --package sse-warp --all-features --example contract_server",
    ))?;
    copy("examples/contract_server", folder, "warp")
}

fn copy(built: &str, folder: &Path, name: &str) -> Result<()> {
    let built = target().join("debug").join(built);
    fs::copy(&built, folder.join(name)).with_context(|| built.display().to_string())?;
    Ok(())
}

/// Copies the programs of `interop/clients`, and installs the packages that they lock.
fn clients(folder: &Path) -> Result<()> {
    let (source, clients) = (root().join("interop/clients"), folder.join("clients"));
    let python = folder.join("python");
    fs::create_dir_all(&clients)?;
    for file in ["package.json", "page.html", "read.mjs", "read.py"] {
        fs::copy(source.join(file), clients.join(file))?;
    }
    installed(&source, &clients, "package-lock.json", |lock| {
        fs::copy(lock, clients.join("package-lock.json"))?;
        run(command("npm", "ci --no-audit --no-fund").current_dir(&clients))
    })?;
    installed(&source, &clients, "requirements.txt", |lock| {
        if output(command("python3", "-m ensurepip --version")).is_none() {
            setup::package("python3-venv", "python3-venv")?;
        }
        run(command("python3", "-m venv --clear").arg(&python))?;
        let mut pip = Command::new(python.join("bin/python3"));
        pip.args(["-m", "pip", "install", "--quiet", "--requirement"]);
        run(pip.arg(lock))
    })
}

/// Installs what a lock file says, unless that was done for the very same one.
fn installed(
    source: &Path,
    clients: &Path,
    lock: &str,
    install: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let (wanted, done) = (source.join(lock), clients.join(format!("{lock}.installed")));
    if fs::read(&done).ok() == Some(fs::read(&wanted)?) {
        return Ok(());
    }
    install(&wanted)?;
    fs::copy(wanted, done)?;
    Ok(())
}
