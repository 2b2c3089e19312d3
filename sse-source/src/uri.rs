//! Parsing of URIs from the caller.

use core::{error, fmt};

use http::Uri;

/// Maximum number of characters of a text that an error shows.
const MAX_SHOWN_CHARS: usize = 200;

pub(crate) fn parse<U>(uri: U) -> Result<Uri, InvalidUri>
where
    U: TryInto<Uri> + fmt::Display,
    U::Error: Into<http::Error>,
{
    let text = shown(&uri.to_string());
    let problem = match uri.try_into() {
        Ok(uri) if has_valid_port(&uri) => return Ok(uri),
        Ok(_) => Problem::Port,
        Err(_) if !text.contains("://") => Problem::NoScheme,
        Err(error) => Problem::Invalid(error.into()),
    };
    Err(InvalidUri { text, problem })
}

/// Returns whether the port is a number, if there is one. [`Uri`] accepts any text, and then has no port.
pub(crate) fn has_valid_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let after_host = authority.rsplit([']', '@']).next().unwrap_or_default();
    match after_host.rsplit_once(':') {
        Some((_, port)) => port.is_empty() || uri.port_u16().is_some(),
        None => true,
    }
}

/// Returns the text for an error message: without credentials, and with at most [`MAX_SHOWN_CHARS`].
pub(crate) fn shown(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let rest = &rest[authority.rfind('@').map_or(0, |at| at + 1)..];
    let mut shown: String = scheme
        .chars()
        .chain(rest.chars())
        .take(MAX_SHOWN_CHARS)
        .collect();
    if shown.len() < scheme.len() + rest.len() {
        shown.push('…');
    }
    shown
}

/// Error for a text that is not a valid URI.
#[derive(Debug)]
pub(crate) struct InvalidUri {
    text: String,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    NoScheme,
    Port,
    Invalid(http::Error),
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        match problem {
            Problem::NoScheme => {
                write!(f, "URI {text:?} does not start with http:// or https://")
            }
            Problem::Port => write!(f, "port of URI {text:?} is not a number up to 65535"),
            Problem::Invalid(_) => write!(f, "invalid URI {text:?}"),
        }
    }
}

impl error::Error for InvalidUri {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.problem {
            Problem::Invalid(error) => Some(error),
            Problem::NoScheme | Problem::Port => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_text_and_no_credentials() {
        for (text, expected) in [
            (
                "127.0.0.1:1/x",
                "URI \"127.0.0.1:1/x\" does not start with http:// or https://",
            ),
            (
                "user:secret@host:1/x",
                "URI \"host:1/x\" does not start with http:// or https://",
            ),
            ("http://h/a b", "invalid URI \"http://h/a b\""),
            ("http://u:secret@h/a b@c", "invalid URI \"http://h/a b@c\""),
            ("http://u:se@cret@h h/", "invalid URI \"http://h h/\""),
            (
                "http://u:secret@h:x/",
                "port of URI \"http://h:x/\" is not a number up to 65535",
            ),
            (
                "http://[::1]:65536/",
                "port of URI \"http://[::1]:65536/\" is not a number up to 65535",
            ),
            ("", "URI \"\" does not start with http:// or https://"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        for text in [
            "http://h/",
            "http://h:/",
            "http://h:1",
            "http://[::1]/",
            "http://u:p@h",
            "/x",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        let long = format!("http://h/ {}", "ä".repeat(1000));
        let shown = parse(long).unwrap_err().to_string();
        assert!(
            shown.chars().count() < 230 && shown.ends_with("…\""),
            "{shown}"
        );
    }
}
