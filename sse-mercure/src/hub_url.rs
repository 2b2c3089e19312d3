//! URL of the hub: base of relative topics, and root of the reserved namespace.

use core::{error::Error, fmt};
use std::sync::Arc;

use url::Url;

/// URL of a hub, for example `https://hub.example.com/.well-known/mercure`. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubUrl(Arc<Url>);

impl HubUrl {
    /// Parses the URL of a hub.
    ///
    /// # Errors
    ///
    /// [`InvalidHubUrl`] if the text is not a URL with the scheme `https` or `http` and with a path, or if it has a
    /// user, a query or a fragment.
    pub fn new(text: &str) -> Result<Self, InvalidHubUrl> {
        let url = Url::parse(text).map_err(InvalidHubUrl::Url)?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        match url.scheme() {
            "http" | "https" if url.path() == "/" => Err(InvalidHubUrl::NoPath),
            "http" | "https" if is_plain => Ok(Self(Arc::new(url))),
            "http" | "https" => Err(InvalidHubUrl::Parts),
            _ => Err(InvalidHubUrl::Scheme),
        }
    }

    /// Returns the URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the path, for example `/.well-known/mercure`.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// Returns the scheme, host and port, for example `https://hub.example.com`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Resolves a topic against this URL. `None` if the result is not a URL.
    pub(crate) fn resolve(&self, topic: &str) -> Option<Url> {
        self.0.join(topic).ok()
    }

    /// Returns whether a topic addresses the namespace that is reserved for the hub's own updates.
    //
    // > A topic addresses the reserved namespace when the resolved path component equals the path of the hub's URL or
    // > begins with that path followed by `/` … regardless of scheme or authority. Before this comparison, the path
    // > MUST have its dot-segments removed and its percent-encoded octets that correspond to unreserved characters
    // > decoded.
    pub(crate) fn is_reserved(&self, topic: &str) -> bool {
        let Some(url) = self.resolve(topic) else {
            return false;
        };
        let own = decode_unreserved(self.path());
        let path = decode_unreserved(url.path());
        match path.strip_prefix(&own) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Decodes the percent-encoded octets of unreserved characters.
///
/// > URIs that differ in the replacement of an unreserved character with its corresponding percent-encoded US-ASCII
/// > octet are equivalent. — [RFC 3986, 2.3](https://www.rfc-editor.org/rfc/rfc3986#section-2.3)
fn decode_unreserved(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let octet = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match octet.map(char::from) {
            Some(character @ ('a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~')) => {
                decoded.push(character);
                rest = &after[2..];
            }
            _ => {
                decoded.push('%');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// Error for a text that is not the URL of a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidHubUrl {
    /// The text is not a URL, for this reason.
    Url(url::ParseError),
    /// The scheme is neither `https` nor `http`.
    Scheme,
    /// The URL has no path. All topics would be reserved then.
    NoPath,
    /// The URL has a user, a query or a fragment.
    Parts,
}

impl fmt::Display for InvalidHubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url(_) => "not a URL",
            Self::Scheme => "scheme is neither https nor http",
            Self::NoPath => "no path, as in https://hub.example.com/.well-known/mercure",
            Self::Parts => "only a scheme, a host, a port and a path are allowed",
        })
    }
}

impl Error for InvalidHubUrl {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_of_the_hub_is_reserved_in_each_spelling() {
        let hub = HubUrl::new("https://hub.example.com/.well-known/mercure").unwrap();
        for topic in [
            "/.well-known/mercure",
            "/.well-known/mercure/",
            "/.well-known/mercure/subscriptions/exact/a/b",
            "https://hub.example.com/.well-known/mercure",
            "https://other.example/.well-known/mercure/x",
            "http://user@other.example:8/.well-known/mercure?query#fragment",
            "/.well-known/%6Dercure/x",
            "/%2Ewell-known/mercure/x",
            "/a/../.well-known/mercure/x",
            "/.well-known/./mercure/x",
            "/.well-known/%2e/mercure/x",
            "/.well-known/a/%2E%2e/mercure/x",
            "/.well-known/mercure/../mercure/x",
            "\\.well-known\\mercure\\x",
            "mercure",
            "mercure/x",
            "./mercure/x",
            "?query",
            "#fragment",
            "//host/.well-known/mercure/x",
            "foo:/.well-known/mercure/x",
            "foo://host/.well-known/mercure",
            "https:/.well-known/mercure/x",
            "  /.well-known/mercure/x",
        ] {
            assert!(hub.is_reserved(topic), "{topic}");
        }
        for topic in [
            "https://example.com/",
            "/.well-known/mercury",
            "/.well-known/mercure2",
            "/.well-known/mercure%2Fx",
            "/.Well-known/mercure/x",
            "/.well-known//mercure/x",
            "/x/.well-known/mercure",
            "mercure-x",
            "urn:.well-known/mercure",
            "https://[/.well-known/mercure",
            "*",
        ] {
            assert!(!hub.is_reserved(topic), "{topic}");
        }
    }

    #[test]
    fn a_hub_may_have_another_path() {
        let hub = HubUrl::new("https://example.com/a%7eb/hub").unwrap();
        assert!(hub.is_reserved("/a~b/hub/x") && hub.is_reserved("/a%7Eb/hub"));
        assert!(!hub.is_reserved("/.well-known/mercure/x"));
    }

    #[test]
    fn other_urls_are_refused() {
        for (text, error) in [
            ("mercure", "not a URL"),
            ("ftp://example.com/hub", "scheme is neither https nor http"),
            (
                "https://example.com",
                "no path, as in https://hub.example.com/.well-known/mercure",
            ),
            (
                "https://example.com/hub?a",
                "only a scheme, a host, a port and a path are allowed",
            ),
            (
                "https://user@example.com/hub",
                "only a scheme, a host, a port and a path are allowed",
            ),
        ] {
            assert_eq!(HubUrl::new(text).unwrap_err().to_string(), error, "{text}");
        }
    }
}
