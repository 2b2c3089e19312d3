//! Patterns of origins on the command line, and origins of requests.

use http::HeaderValue;

use crate::hub::host::{Host, HostPattern};

/// Origins that an option allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OriginPattern {
    /// All origins.
    Any,
    /// Origins with this scheme, host and port.
    Of {
        /// Scheme in lower case.
        scheme: String,
        hosts: HostPattern,
        /// Port, or `None` for the default port of the scheme.
        port: Option<u16>,
    },
}

impl OriginPattern {
    /// Parses an origin such as `https://example.com` or `https://*.example.com:8443`, or `*` for all.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.eq_ignore_ascii_case("null") {
            return Err(
                "any page could read the events, because sandboxed frames and local files have the origin \
                 null; allow * if all pages may read them"
                    .to_owned(),
            );
        }
        let (scheme, rest) = split(text).ok_or("not an origin, as in https://example.com")?;
        if let Some((authority, _)) = rest.split_once(['/', '?', '#']) {
            return Err(format!(
                "not an origin, because it has a path: write {scheme}://{authority}"
            ));
        }
        let (hosts, port) =
            HostPattern::parse(rest).map_err(|reason| format!("not an origin: {reason}"))?;
        Ok(Self::Of {
            port: without_default(&scheme, port),
            scheme,
            hosts,
        })
    }

    /// Returns whether the pattern matches the `Origin` header of a request.
    pub(crate) fn matches(&self, origin: &HeaderValue) -> bool {
        let Self::Of {
            scheme,
            hosts,
            port,
        } = self
        else {
            return true;
        };
        let of_request = || {
            let (scheme, rest) = split(origin.to_str().ok()?)?;
            Some((scheme, Host::parse(rest).ok()?))
        };
        of_request().is_some_and(|(its_scheme, host)| {
            its_scheme == *scheme
                && without_default(scheme, host.port) == *port
                && hosts.matches(&host.name)
        })
    }
}

/// Splits an origin into the scheme, in lower case, and the rest after `://`.
fn split(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn without_default(scheme: &str, port: Option<u16>) -> Option<u16> {
    port.filter(|port| !matches!((scheme, port), ("http", 80) | ("https", 443)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        let pattern = OriginPattern::parse(pattern).unwrap_or_else(|it| panic!("{pattern}: {it}"));
        pattern.matches(&HeaderValue::from_str(origin).unwrap())
    }

    #[test]
    fn an_origin_is_that_of_browsers_however_it_is_written() {
        for pattern in [
            "https://a.example",
            "https://A.example",
            "HTTPS://a.example",
            "https://a.example:443",
            "https://a.example.",
            "https://a.example.:443",
        ] {
            for (origin, expected) in [
                ("https://a.example", true),
                ("https://a.example.", true),
                ("http://a.example", false),
                ("https://a.example:444", false),
                ("https://a.example:80", false),
                ("https://b.a.example", false),
                ("https://a.example.evil.example", false),
                ("https://evila.example", false),
                ("null", false),
                ("https://", false),
                ("a.example", false),
            ] {
                assert_eq!(matches(pattern, origin), expected, "{pattern} {origin}");
            }
        }
        for (pattern, origin) in [
            ("*", "null"),
            ("http://a.example:80", "http://a.example"),
            ("http://a.example:443", "http://a.example:443"),
            ("http://[0::1]:8080", "http://[::1]:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            (
                "https://BÜCHER.example:81",
                "https://xn--bcher-kva.example:81",
            ),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert!(matches(pattern, origin), "{pattern} {origin}");
        }
    }

    #[test]
    fn a_star_stands_for_what_is_below_a_domain() {
        for (origin, expected) in [
            ("https://a.b.example", true),
            ("https://c.a.b.example", true),
            ("https://A.B.example.", true),
            ("https://b.example", false),
            ("https://.b.example", false),
            ("https://ab.example", false),
            ("https://evilb.example", false),
            ("https://a.b.example.evil.example", false),
            ("https://a.b.example:8443", false),
            ("http://a.b.example", false),
        ] {
            assert_eq!(
                matches("https://*.B.example:443", origin),
                expected,
                "{origin}"
            );
        }
        assert!(matches(
            "https://*.b.example:8443",
            "https://a.b.example:8443"
        ));
        let in_unicode = matches(
            "https://*.bücher.example",
            "https://a.xn--bcher-kva.example",
        );
        assert!(in_unicode);
    }

    #[test]
    fn what_never_comes_is_refused() {
        for (text, reason) in [
            ("null", "any page could read the events"),
            ("NULL", "any page could read the events"),
            ("http://*", "`*` stands before a domain"),
            ("https://*.", "`*` stands before a domain"),
            ("https://*.*.example", "`*` stands before a domain"),
            ("https://a.*.example", "`*` stands before a domain"),
            ("https://a*.example", "`*` stands before a domain"),
            ("https://*.127.0.0.1", "an address has no names below it"),
            ("*://a.example", "as in https://example.com"),
            ("https://a.example:*", "`*` stands before a domain"),
            ("https://a.example/", "write https://a.example"),
            ("https://A.example/path", "write https://A.example"),
            ("https://a.example?", "write https://a.example"),
            ("https://user@a.example", "a user before the host"),
            ("https://a.example:x", "the port is not a number"),
            ("https://a b.example", "not a name"),
            ("https://", "not a name"),
            ("a.example", "as in https://example.com"),
            ("/", "as in https://example.com"),
            ("", "as in https://example.com"),
        ] {
            let error = OriginPattern::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
