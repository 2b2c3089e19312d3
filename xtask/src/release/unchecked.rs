//! Checks that this machine cannot run.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Decides whether a release continues if a check cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unchecked {
    /// The release fails.
    Fails,
    /// The release continues, and prints a line about it.
    Passes,
}

impl Unchecked {
    /// Returns the result of a check that cannot be run for this reason.
    pub(crate) fn report(self, what: &str, why: &str) -> Result<()> {
        match self {
            Self::Fails => {
                bail!("not checked: {what}: {why}; use --allow-unchecked to continue")
            }
            Self::Passes => {
                eprintln!("\nNOT CHECKED: {what}: {why}");
                Ok(())
            }
        }
    }
}

/// Runs a program and returns its error output in one line, or `None` if it succeeds.
pub(crate) fn failure(command: &mut Command) -> Result<Option<String>> {
    let output = command.output();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    if output.status.success() {
        return Ok(None);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let words: Vec<_> = stderr.split_whitespace().collect();
    Ok(Some(match &words[..] {
        [] => output.status.to_string(),
        words => words.join(" "),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::deny::advisories;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn advisories_that_cannot_be_had_are_told_and_only_pass_if_that_is_asked_for() {
        let fetch = || shell("echo 'failed to fetch' >&2; echo 'no route to host' >&2; exit 1");
        let error = advisories(fetch(), shell("true"), Unchecked::Fails).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("not checked: advisories: failed to fetch no route"));
        assert!(error.contains("--allow-unchecked"), "{error}");
        advisories(fetch(), shell("true"), Unchecked::Passes).unwrap();
    }

    #[test]
    fn a_program_that_fails_without_a_word_is_no_success() {
        let error = advisories(shell("exit 7"), shell("true"), Unchecked::Fails).unwrap_err();
        assert!(error.to_string().contains("exit status: 7"), "{error}");
        let missing = Command::new("/nowhere/cargo-deny");
        assert!(advisories(missing, shell("true"), Unchecked::Passes).is_err());
    }

    /// The check runs with both settings.
    #[test]
    fn advisories_that_can_be_had_are_checked() {
        for unchecked in [Unchecked::Fails, Unchecked::Passes] {
            advisories(shell("true"), shell("true"), unchecked).unwrap();
            advisories(shell("true"), shell("exit 1"), unchecked).unwrap_err();
        }
    }
}
