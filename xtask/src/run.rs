//! Runs programs and prints their commands.

use std::{
    borrow::BorrowMut,
    env, iter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Returns the root of the workspace.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Returns the target folder of cargo.
pub(crate) fn target() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(folder)
}

/// Returns a command with arguments that are separated by spaces. It runs in the root of the workspace.
pub(crate) fn command(program: &str, arguments: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments.split_whitespace())
        .current_dir(root());
    command
}

/// Returns a command of the cargo that runs this program.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut cargo = command(env!("CARGO"), arguments);
    testkit::cargo::forget_package(&mut cargo);
    cargo
}

/// Prints the command, runs it, and returns an error if it fails.
pub(crate) fn run(mut command: impl BorrowMut<Command>) -> Result<()> {
    let command = command.borrow_mut();
    let line = shown(command);
    eprintln!("\n$ {line}");
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Formats the command as a person would type it. Variables that are removed from the environment are not shown.
fn shown(command: &Command) -> String {
    let folder = command.get_current_dir().unwrap_or(Path::new("."));
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.display();
        Some(format!("{}={value}", name.display()))
    });
    let words = iter::once(command.get_program()).chain(command.get_args());
    let words = variables.chain(words.map(|word| word.display().to_string()));
    format!(
        "cd {} && {}",
        folder.display(),
        words.collect::<Vec<_>>().join(" ")
    )
}

/// Runs a program and returns its output, or `None` if it cannot be run or fails.
pub(crate) fn output(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}
