//! Running a program, and saying so.

use std::{
    borrow::BorrowMut,
    env, iter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(folder)
}

/// `program` with arguments that are separated by spaces, in the root of the workspace.
pub(crate) fn command(program: &str, arguments: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments.split_whitespace())
        .current_dir(root());
    command
}

/// The cargo that runs us.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut cargo = command(env!("CARGO"), arguments);
    testkit::cargo::forget_package(&mut cargo);
    cargo
}

/// Says what is run, runs it, and fails if it fails.
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

/// As a person would type it. What is taken from the environment is nobody's concern.
fn shown(command: &Command) -> String {
    let folder = command.get_current_dir().unwrap_or(Path::new("."));
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.display();
        Some(format!("{}={value}", name.display()))
    });
    let words = iter::once(command.get_program()).chain(command.get_args());
    let words = variables.chain(words.map(|it| it.display().to_string()));
    format!(
        "cd {} && {}",
        folder.display(),
        words.collect::<Vec<_>>().join(" ")
    )
}

/// What a program prints, if it can be run and succeeds.
pub(crate) fn output(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}
