//! Runs programs and prints their commands, and runs steps one after the other.

use std::{
    borrow::BorrowMut,
    env, iter,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use testkit::timeout::test_timeout;

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

/// Prints the command, runs it, and returns an error if it fails. Prints its duration if it is a second or longer.
pub(crate) fn run(mut command: impl BorrowMut<Command>) -> Result<()> {
    let command = command.borrow_mut();
    let line = shown(command);
    eprintln!("\n$ {line}");
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    let seconds = begun.elapsed().as_secs();
    if seconds > 0 {
        eprintln!("({seconds} s)");
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

/// Program that runs until this is dropped.
pub(crate) struct Background(Child);

impl Background {
    /// Starts the program, and waits until it listens on the port.
    pub(crate) fn start(command: &mut Command, port: u16) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let mut started = Self(child);
        let (start, limit) = (Instant::now(), test_timeout());
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = started.ended()? {
                bail!("{command:?}: {status}");
            }
            if start.elapsed() > limit {
                bail!("{command:?} does not listen on port {port}");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(started)
    }

    /// Returns the exit status, or `None` if the program still runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Returns the process ID.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Name of a step and its function.
pub(crate) type Step<'a> = (&'static str, &'a dyn Fn() -> Result<()>);

/// Runs the steps and prints the duration of each. Stops at the first step that fails.
pub(crate) fn steps(steps: &[Step<'_>]) -> Result<()> {
    let start = Instant::now();
    for (name, step) in steps {
        eprintln!("\n== {name}");
        let begun = Instant::now();
        step().with_context(|| format!("step {name:?}"))?;
        eprintln!("== {name}: {} s", begun.elapsed().as_secs());
    }
    eprintln!("\nAll passed in {} s.", start.elapsed().as_secs());
    Ok(())
}
