use std::ffi::OsStr;

use clap::{Arg, Command, Error, builder::TypedValueParser, error::ErrorKind};

/// Parser of an option whose value is secret. Its errors do not quote the value, as those of clap do, because stderr is
/// often written to a log.
#[derive(Clone)]
pub(crate) struct Secret<T>(pub(crate) fn(&str) -> anyhow::Result<T>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Secret<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, Error> {
        let parsed = match value.to_str() {
            Some(text) => self.0(text).map_err(|error| error.to_string()),
            None => Err("not UTF-8".to_owned()),
        };
        parsed.map_err(|reason| {
            let option = option.map_or_else(String::new, |option| format!("'{option}': "));
            let message = format!("invalid value for {option}{reason}\n");
            Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}
