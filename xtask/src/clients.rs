//! Installs clients of other projects for the tests in `interop`, from the registries npm and PyPI.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{
    run::{command, output, root, run},
    setup,
};

/// Copies the programs in a folder of the repository, and installs the packages of its lock files.
///
/// The packages of Python get the folder `python`.
pub(crate) fn install(source: &str, folder: &Path, python: &Path) -> Result<()> {
    for (name, package) in [
        ("node", "nodejs"),
        ("npm", "npm"),
        ("python3", "python3-venv"),
    ] {
        setup::program(name, package)?;
    }
    let source = root().join(source);
    fs::create_dir_all(folder)?;
    for file in fs::read_dir(&source).with_context(|| source.display().to_string())? {
        let file = file?;
        fs::copy(file.path(), folder.join(file.file_name()))?;
    }
    installed(folder, "package-lock.json", |_| {
        run(command("npm", "ci --no-audit --no-fund").current_dir(folder))
    })?;
    installed(folder, "requirements.txt", |lock| {
        if output(command("python3", "-m ensurepip --version")).is_none() {
            setup::package("python3-venv", "python3-venv")?;
        }
        run(command("python3", "-m venv --clear").arg(python))?;
        run(pip(python).arg(lock))
    })
}

/// Installs the scripts of Datastar, which a package of Python has.
pub(crate) fn install_datastar(folder: &Path) -> Result<()> {
    installed(&folder.join("clients"), "datastar.txt", |lock| {
        let mut pip = pip(&folder.join("python"));
        pip.arg(lock).arg("--target").arg(folder.join("datastar"));
        // Only its scripts are needed, so any version of Python will do.
        run(pip.args([
            "--upgrade",
            "--no-deps",
            "--no-compile",
            "--ignore-requires-python",
        ]))
    })
}

/// Returns a command that installs the packages of a lock file.
fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python.join("bin/python3"));
    pip.args(["-m", "pip", "install", "--quiet", "--requirement"]);
    pip
}

/// Installs the packages of a lock file, unless they are already installed from an identical file.
fn installed(folder: &Path, lock: &str, install: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let wanted = folder.join(lock);
    let done = folder.join(format!("{lock}.installed"));
    if fs::read(&done).ok() == Some(fs::read(&wanted)?) {
        return Ok(());
    }
    install(&wanted)?;
    fs::copy(wanted, done)?;
    Ok(())
}

/// Creates an empty folder, and removes one that a former run has left.
pub(crate) fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(())
}
