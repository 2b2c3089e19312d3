//! Pages of other origins: options for CORS, and patterns of origins.

use core::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use http::{
    HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LINK, RETRY_AFTER, WWW_AUTHENTICATE},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::hub::{
    host::{Host, HostPattern},
    mercure::{LAST_EVENT_ID, MERCURE_LAST_EVENT_ID},
};

/// Time for which a browser caches the response to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3600);

/// Options for CORS.
#[derive(Args)]
pub(crate) struct CorsOptions {
    /// Origin whose pages may read the events, and publish with the token, as in `https://example.com`; or
    /// `https://*.example.com` for all names below a domain, or `*` for all origins; may be repeated.
    ///
    /// With `*` and without --subscribe-token, every page in every browser that reaches this address can read the
    /// events. `null` is refused, because every page can have that origin.
    #[arg(
        long = "allow-origin",
        env = "SSE_HUB_ALLOW_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN",
        value_parser = OriginPattern::parse
    )]
    origins: Vec<OriginPattern>,
    /// Header that those pages may send, in addition to Authorization, Cache-Control, Content-Type and Last-Event-ID;
    /// may be repeated.
    #[arg(
        long = "allow-header",
        env = "SSE_HUB_ALLOW_HEADER",
        value_delimiter = ',',
        value_name = "NAME",
        value_parser = header_name,
        requires = "origins"
    )]
    allowed_headers: Vec<HeaderName>,
    /// Header of responses that those pages may read, in addition to Retry-After; may be repeated.
    #[arg(
        long = "expose-header",
        env = "SSE_HUB_EXPOSE_HEADER",
        value_delimiter = ',',
        value_name = "NAME",
        value_parser = header_name,
        requires = "origins"
    )]
    exposed_headers: Vec<HeaderName>,
}

impl CorsOptions {
    /// Returns whether pages of all origins may read the events.
    pub(crate) fn allows_any(&self) -> bool {
        self.origins.contains(&OriginPattern::Any)
    }

    /// Returns the layer that answers preflights and adds headers to responses, or `None` without other origins. A
    /// browser may send no cookies or other credentials of its own, except for the Mercure protocol.
    ///
    /// `for_mercure` adds what the Mercure protocol needs: the method `QUERY`, its headers, and cookies, unless all
    /// origins are allowed.
    pub(crate) fn layer(&self, for_mercure: bool) -> Result<Option<CorsLayer>> {
        let origins = match &*self.origins {
            [] => return Ok(None),
            [OriginPattern::Any] => AllowOrigin::any(),
            _ if self.allows_any() => {
                bail!("--allow-origin '*' allows all origins: remove the other origins")
            }
            several => {
                let several = several.to_vec();
                AllowOrigin::predicate(move |origin, _| {
                    several.iter().any(|pattern| pattern.matches(origin))
                })
            }
        };
        let allowed = [AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LAST_EVENT_ID];
        let allowed = allowed.iter().chain(&self.allowed_headers).cloned();
        let exposed = [RETRY_AFTER];
        let exposed = exposed.iter().chain(&self.exposed_headers).cloned();
        let (mut methods, mut exposed) = (
            vec![Method::GET, Method::HEAD, Method::POST],
            exposed.collect::<Vec<_>>(),
        );
        if for_mercure {
            methods.push(Method::QUERY);
            exposed.extend([LINK, WWW_AUTHENTICATE, MERCURE_LAST_EVENT_ID]);
        }
        let layer = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods(methods)
            .allow_headers(allowed.collect::<Vec<_>>())
            .expose_headers(exposed)
            .max_age(PREFLIGHT_MAX_AGE)
            // > the hub MUST also send `Access-Control-Allow-Credentials: true`
            .allow_credentials(for_mercure && !self.allows_any());
        Ok(Some(layer))
    }
}

/// Parses the name of a header on the command line.
fn header_name(text: &str) -> Result<HeaderName, String> {
    if text == "*" {
        return Err("`*` is not supported for headers: name each header".to_owned());
    }
    HeaderName::try_from(text).map_err(|_| "not the name of a header".to_owned())
}

/// Origins that an option allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OriginPattern {
    /// All origins.
    Any,
    /// Origins with this scheme, host and port.
    Origin {
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
        let (scheme, rest) =
            split_scheme(text).ok_or("not an origin, as in https://example.com")?;
        if let Some((authority, _)) = rest.split_once(['/', '?', '#']) {
            return Err(format!(
                "not an origin, because it has a path: write {scheme}://{authority}"
            ));
        }
        let (hosts, port) =
            HostPattern::parse(rest).map_err(|reason| format!("not an origin: {reason}"))?;
        Ok(Self::Origin {
            port: without_default_port(&scheme, port),
            scheme,
            hosts,
        })
    }

    /// Returns whether the pattern matches the `Origin` header of a request.
    pub(crate) fn matches(&self, origin: &HeaderValue) -> bool {
        let Self::Origin {
            scheme,
            hosts,
            port,
        } = self
        else {
            return true;
        };
        let origin = || {
            let (scheme, rest) = split_scheme(origin.to_str().ok()?)?;
            Some((scheme, Host::parse(rest).ok()?))
        };
        origin().is_some_and(|(origin_scheme, host)| {
            origin_scheme == *scheme
                && without_default_port(scheme, host.port) == *port
                && hosts.matches(&host.name)
        })
    }
}

/// Splits an origin into the scheme, in lower case, and the rest after `://`.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn without_default_port(scheme: &str, port: Option<u16>) -> Option<u16> {
    port.filter(|port| !matches!((scheme, port), ("http", 80) | ("https", 443)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        let pattern =
            OriginPattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
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
