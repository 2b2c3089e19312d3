//! Configuration file: options of `sse hub` in TOML, which are added to those of the command line.
//!
//! # A note to the next reader
//!
//! The keys are the names of the options, and clap knows these. So there is no second list of options: the values of
//! the file become arguments, unless the command line or the environment has the option. Then clap parses all
//! arguments as if they were typed.

use std::{
    ffi::OsString,
    fmt::Display,
    fs::File,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Command, Error, error::ErrorKind, parser::ValueSource};
use toml::de::{DeTable, DeValue};

use crate::{hub::suggestion::nearest, stderr};

/// Name of the subcommand whose options the file has.
const SUBCOMMAND: &str = "hub";

/// Option that names the file. The file cannot have it.
const OPTION: &str = "config";

/// Adds the options of the file that `--config` or its environment variable names to a command line. Options that the
/// command line or the environment has are not added.
///
/// # Errors
///
/// Errors of the command line; a file that cannot be read; and the first line of the file with an unknown key or an
/// invalid value. No error has a value of a secret option.
pub(crate) fn add_options(
    mut command: Command,
    mut arguments: Vec<OsString>,
) -> Result<Vec<OsString>, Error> {
    command.build();
    let is_hub = arguments.get(1).is_some_and(|name| name == SUBCOMMAND);
    let Some(hub) = command.find_subcommand(SUBCOMMAND).filter(|_| is_hub) else {
        return Ok(arguments);
    };
    let hub = hub.clone().no_binary_name(true);
    let given = parse_alone(&hub, &arguments[2..])?;
    let Some(path) = given.get_one::<PathBuf>(OPTION) else {
        return Ok(arguments);
    };
    let file = ConfigFile::read(path)?;
    let entries = file.entries(&hub)?;
    file.warn_about_secrets(&entries);
    let is_given = |entry: &Entry<'_>| {
        let source = given.value_source(entry.option.get_id().as_str());
        matches!(
            source,
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        )
    };
    let added = entries.into_iter().filter(|entry| !is_given(entry));
    arguments.splice(2..2, added.flat_map(|entry| entry.arguments));
    Ok(arguments)
}

/// Parses the arguments of the command line. An option may need another one that is only in the file, so errors that
/// concern several options are left to the final parse.
fn parse_alone(hub: &Command, arguments: &[OsString]) -> Result<ArgMatches, Error> {
    match hub.clone().try_get_matches_from(arguments) {
        Err(error) if concerns_several_options(&error) => {
            let hub = hub.clone().ignore_errors(true);
            hub.try_get_matches_from(arguments)
        }
        result => result,
    }
}

fn concerns_several_options(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ArgumentConflict | ErrorKind::MissingRequiredArgument
    )
}

/// Configuration file that is read.
struct ConfigFile {
    path: PathBuf,
    text: String,
    /// Other users of this machine can read the file.
    is_readable_by_others: bool,
}

/// Option of the file, and the arguments that it stands for.
struct Entry<'a> {
    option: &'a Arg,
    arguments: Vec<OsString>,
}

impl Entry<'_> {
    /// Returns whether other users must not see the value. The help does not show such values, either.
    fn is_secret(&self) -> bool {
        let has_no_credentials = |argument: &OsString| {
            let text = argument.to_string_lossy();
            text.contains("://") && !text.contains('@')
        };
        self.option.is_hide_env_values_set() && !self.arguments.iter().all(has_no_credentials)
    }
}

impl ConfigFile {
    /// Reads the file once, because it may be a pipe.
    fn read(path: &Path) -> Result<Self, Error> {
        let read = || {
            let mut file = File::open(path)?;
            let is_readable_by_others = is_readable_by_others(&file)?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Ok(Self {
                path: path.to_owned(),
                text,
                is_readable_by_others,
            })
        };
        let failed =
            |error: io::Error| invalid(format_args!("cannot read {}: {error}", path.display()));
        read().map_err(failed)
    }

    /// Returns the options of the file in its order, after each of them was parsed.
    fn entries<'a>(&self, hub: &'a Command) -> Result<Vec<Entry<'a>>, Error> {
        let table = DeTable::parse(&self.text)
            // The message has no part of the file. The `Display` text would have the line.
            .map_err(|error| self.error_at(error.span(), error.message()))?;
        let mut pairs: Vec<_> = table.get_ref().iter().collect();
        pairs.sort_by_key(|(key, _)| key.span().start);
        let entries = pairs.into_iter().map(|(key, value)| {
            let entry = entry(hub, key.get_ref(), value.get_ref());
            let checked = entry.and_then(|entry| check(hub, &entry).map(|()| entry));
            checked.map_err(|reason| self.error_at(Some(key.span()), reason))
        });
        entries.collect()
    }

    fn error_at(&self, span: Option<Range<usize>>, reason: impl Display) -> Error {
        let path = self.path.display();
        let before = span.and_then(|span| self.text.get(..span.start));
        match before.map(|before| before.matches('\n').count()) {
            Some(lines) => invalid(format_args!("{path}:{}: {reason}", lines + 1)),
            None => invalid(format_args!("{path}: {reason}")),
        }
    }

    fn warn_about_secrets(&self, entries: &[Entry<'_>]) {
        let secret = entries.iter().find(|entry| entry.is_secret());
        if let Some(name) = secret.and_then(|entry| entry.option.get_long())
            && self.is_readable_by_others
        {
            stderr::line(format_args!(
                "warning: other users of this machine can read {}, which has {name}: use `chmod o-r`",
                self.path.display()
            ));
        }
    }
}

/// Returns the option with this name, and its arguments.
fn entry<'a>(hub: &'a Command, name: &str, value: &DeValue<'_>) -> Result<Entry<'a>, String> {
    let option = options(hub).find(|option| option.get_long() == Some(name));
    let Some(option) = option else {
        let known = options(hub).filter_map(Arg::get_long);
        return Err(match nearest(name, known) {
            Some(nearest) => format!("unknown key {name:?}; did you mean {nearest}?"),
            None => format!("unknown key {name:?}"),
        });
    };
    let arguments = match (option.get_action().takes_values(), value) {
        (false, DeValue::Boolean(true)) => vec![format!("--{name}").into()],
        (false, DeValue::Boolean(false)) => Vec::new(),
        (false, _) => return Err(format!("{name}: expected true or false")),
        (true, DeValue::Array(values)) => {
            if values.len() > 1 && !matches!(option.get_action(), ArgAction::Append) {
                let count = values.len();
                return Err(format!("{name}: expected one value, but there are {count}"));
            }
            let arguments = values
                .iter()
                .map(|value| argument(name, value.get_ref()))
                .collect::<Option<_>>();
            arguments.ok_or_else(|| {
                format!("{name}: expected an array of strings, numbers or booleans")
            })?
        }
        (true, value) => {
            let argument = argument(name, value);
            let argument = argument.ok_or_else(|| {
                format!("{name}: expected a string, a number, a boolean or an array of them")
            })?;
            vec![argument]
        }
    };
    Ok(Entry { option, arguments })
}

/// Returns the options that the file may have.
fn options(hub: &Command) -> impl Iterator<Item = &Arg> {
    hub.get_arguments().filter(|option| {
        let is_setting = matches!(
            option.get_action(),
            ArgAction::Set | ArgAction::Append | ArgAction::SetTrue
        );
        is_setting && option.get_long() != Some(OPTION)
    })
}

/// Returns the argument for one value, or `None` for a value of another type.
fn argument(name: &str, value: &DeValue<'_>) -> Option<OsString> {
    let value = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
        DeValue::Integer(number) => {
            let number = u128::from_str_radix(number.as_str(), number.radix()).ok()?;
            number.to_string()
        }
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(is_true) => is_true.to_string(),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => return None,
    };
    Some(format!("--{name}={value}").into())
}

/// Checks the value of an option alone, so that the error has its line.
fn check(hub: &Command, entry: &Entry<'_>) -> Result<(), String> {
    match hub.clone().try_get_matches_from(&entry.arguments) {
        Err(error) if !concerns_several_options(&error) => Err(reason(&error)),
        _ => Ok(()),
    }
}

/// Returns the reason of an error of clap, without the hints on command lines after it.
fn reason(error: &Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (reason, _) = text.split_once("\n\n").unwrap_or((text, ""));
    let lines: Vec<_> = reason.split('\n').map(str::trim).collect();
    lines.join(" ").trim_end().to_owned()
}

/// Returns an error with which the command ends with exit code 2, as for an invalid command line.
fn invalid(message: impl Display) -> Error {
    Error::raw(ErrorKind::ValueValidation, format!("{message}\n"))
}

#[cfg(unix)]
fn is_readable_by_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file.metadata()?;
    // A pipe has no name by which other users could open it.
    Ok(metadata.is_file() && metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_file: &File) -> io::Result<bool> {
    Ok(false)
}
