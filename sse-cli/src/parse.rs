//! Parsers of URLs and durations on the command line.

use core::time::Duration;

use http::Uri;
use url::Url;

/// Parses a URL as curl and browsers do. The default scheme is `http`. Spaces and characters beyond ASCII are encoded.
pub(crate) fn url(text: &str) -> Result<Uri, String> {
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("http://{text}")),
    };
    let mut url = url.map_err(|error| error.to_string())?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err("neither http nor https".to_owned());
    }
    url.set_fragment(None);
    Uri::try_from(url.as_str()).map_err(|error| error.to_string())
}

/// Maximum duration, about 100 years: short enough to be added to any time.
const MAX_DURATION: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// Parses a number of seconds above 0, which may have a fraction. A longer time becomes [`MAX_DURATION`].
pub(crate) fn seconds(text: &str) -> Result<Duration, &'static str> {
    #[expect(clippy::disallowed_methods, reason = "a sign before it does no harm")]
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    if seconds.is_nan() || seconds <= 0.0 {
        return Err("must be longer than 0");
    }
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(MAX_DURATION);
    Ok(time.clamp(Duration::from_nanos(1), MAX_DURATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_what_people_type() {
        for (text, expected) in [
            ("localhost:8080/golden", "http://localhost:8080/golden"),
            ("127.0.0.1:1", "http://127.0.0.1:1/"),
            ("[::1]:1/x", "http://[::1]:1/x"),
            ("https://h/a b?c=d e#f", "https://h/a%20b?c=d%20e"),
            ("http://h/ä?€=\"", "http://h/%C3%A4?%E2%82%AC=%22"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("HTTP://H/", "http://h/"),
            ("http://h/a%20b", "http://h/a%20b"),
            ("http://u:p w@h/", "http://u:p%20w@h/"),
            ("http://h/{a}[b]|c", "http://h/%7Ba%7D[b]|c"),
        ] {
            assert_eq!(
                url(text).map(|url| url.to_string()).as_deref(),
                Ok(expected)
            );
        }
        for text in [
            "",
            "ftp://h/",
            "http://",
            "http://h:x/",
            "http://h:65536/",
            "http://h h/",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_time_can_be_waited_for() {
        let max = u64::MAX.to_string();
        for (text, expected) in [
            ("1", Duration::from_secs(1)),
            ("0.5", Duration::from_millis(500)),
            ("1e-300", Duration::from_nanos(1)),
            (&max, MAX_DURATION),
            ("1e300", MAX_DURATION),
            ("inf", MAX_DURATION),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["0", "-0", "-1", "-inf", "NaN", "", "1s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
