//! URL patterns as custom patterns of the hub.
//!
//! # A note to the next reader
//!
//! The hub calls a pattern for very many topics, and very many patterns for a topic. So a compiled pattern has only
//! the matchers of its components, most of which compare a prefix and need no regular expression. A topic is parsed
//! once for all patterns that are tried on it: each thread keeps the last one. And a pattern tells the hub the prefix
//! of the URLs that it can match, so that the hub tries few patterns.

use std::{
    cell::RefCell,
    sync::{Arc, atomic::AtomicUsize},
};

use sse_hub::CustomPattern;
use url::{Position, Url};
use urlpattern::{
    UrlPattern, UrlPatternInit, UrlPatternOptions,
    matcher::{InnerMatcher, Matcher},
};

use crate::{
    HubUrl, InvalidMatcher,
    linear_regex::{LinearRegex, RegexPermit},
};

/// Compiles a URL pattern. The text of the custom pattern begins with `tag`.
pub(crate) fn compile(
    hub: &HubUrl,
    tag: &str,
    text: &str,
    regex_patterns: &Arc<AtomicUsize>,
) -> Result<CustomPattern, InvalidMatcher> {
    let base = Url::parse(hub.as_str()).ok();
    let invalid = |error: urlpattern::Error| InvalidMatcher::UrlPattern(error.to_string());
    let parse = |base| UrlPatternInit::parse_constructor_string::<LinearRegex>(text, base);
    // A base would also apply to the path of an absolute pattern such as `urn:…`.
    let init = match parse(None) {
        Err(urlpattern::Error::BaseUrlRequired) => parse(base),
        init => init,
    };
    // > hubs MUST NOT enable the `ignoreCase` option.
    let options = UrlPatternOptions::default();
    let pattern = UrlPattern::<LinearRegex>::parse(init.map_err(invalid)?, options);
    let pattern = Components::new(pattern.map_err(invalid)?, regex_patterns)?;
    let prefix = pattern.prefix();
    let hub = hub.clone();
    let custom = CustomPattern::new(format!("{tag}{text}"), move |topic: &str| {
        with_resolved(&hub, topic, |url| pattern.matches(url))
    });
    match custom {
        Ok(custom) => Ok(custom.with_prefix(&prefix)),
        Err(error) => Err(InvalidMatcher::Topic(error)),
    }
}

/// Returns the key of a topic, which begins with the prefix of each URL pattern that can match it.
pub(crate) fn key(hub: &HubUrl, topic: &str) -> Option<String> {
    with_resolved(hub, topic, |url| Some(key_of(url)))
}

/// Returns the URL without its user, query and fragment.
fn key_of(url: &Url) -> String {
    match url.has_host() {
        true => {
            let host = &url[Position::BeforeHost..Position::AfterPort];
            format!("{}://{host}{}", url.scheme(), url.path())
        }
        false => format!("{}:{}", url.scheme(), url.path()),
    }
}

/// Matchers of the components of a pattern. Those that most likely differ are first.
struct Components {
    pathname: Matcher<LinearRegex>,
    hostname: Matcher<LinearRegex>,
    protocol: Matcher<LinearRegex>,
    port: Matcher<LinearRegex>,
    search: Matcher<LinearRegex>,
    hash: Matcher<LinearRegex>,
    username: Matcher<LinearRegex>,
    password: Matcher<LinearRegex>,
    _permit: Option<RegexPermit>,
}

impl Components {
    fn new(
        pattern: UrlPattern<LinearRegex>,
        regex_patterns: &Arc<AtomicUsize>,
    ) -> Result<Self, InvalidMatcher> {
        let mut this = Self {
            pathname: pattern.pathname.matcher,
            hostname: pattern.hostname.matcher,
            protocol: pattern.protocol.matcher,
            port: pattern.port.matcher,
            search: pattern.search.matcher,
            hash: pattern.hash.matcher,
            username: pattern.username.matcher,
            password: pattern.password.matcher,
            _permit: None,
        };
        let expressions = || {
            this.all()
                .into_iter()
                .filter_map(|matcher| match &matcher.inner {
                    InnerMatcher::RegExp { regexp } => Some(regexp),
                    InnerMatcher::Literal { .. } | InnerMatcher::SingleCapture { .. } => None,
                })
        };
        if expressions().next().is_some() {
            let permit = RegexPermit::new(regex_patterns)?;
            for expression in expressions() {
                let compiled = expression.as_ref().ok().and_then(LinearRegex::compiled);
                compiled.ok_or(InvalidMatcher::Regex)?;
            }
            this._permit = Some(permit);
        }
        Ok(this)
    }

    fn all(&self) -> [&Matcher<LinearRegex>; 8] {
        [
            &self.pathname,
            &self.hostname,
            &self.protocol,
            &self.port,
            &self.search,
            &self.hash,
            &self.username,
            &self.password,
        ]
    }

    fn matches(&self, url: &Url) -> bool {
        let matches = |matcher: &Matcher<LinearRegex>, text| matcher.matches(text).is_some();
        matches(&self.pathname, url.path())
            && matches(&self.hostname, url.host_str().unwrap_or_default())
            && matches(&self.protocol, url.scheme())
            && matches(&self.port, url::quirks::port(url))
            && matches(&self.search, url.query().unwrap_or_default())
            && matches(&self.hash, url.fragment().unwrap_or_default())
            && matches(&self.username, url.username())
            && matches(&self.password, url.password().unwrap_or_default())
    }

    /// Returns the prefix of the keys of all topics that the pattern can match.
    fn prefix(&self) -> String {
        let literals = [&self.protocol, &self.hostname, &self.port].map(literal);
        let [Some(protocol), Some(hostname), Some(port)] = literals else {
            return String::new();
        };
        let colon = if port.is_empty() { "" } else { ":" };
        let path = literal(&self.pathname).unwrap_or(self.pathname.prefix.clone());
        match hostname.is_empty() {
            // A URL of another scheme may have an empty host or none.
            true => String::new(),
            false => format!("{protocol}://{hostname}{colon}{port}{path}"),
        }
    }
}

/// Returns the text of a matcher that matches one text only.
fn literal(matcher: &Matcher<LinearRegex>) -> Option<String> {
    let Matcher {
        prefix,
        suffix,
        inner,
        ..
    } = matcher;
    match inner {
        InnerMatcher::Literal { literal } => Some(format!("{prefix}{literal}{suffix}")),
        InnerMatcher::SingleCapture { .. } | InnerMatcher::RegExp { .. } => None,
    }
}

/// Topic that a thread has parsed last.
struct Resolved {
    hub: HubUrl,
    topic: String,
    url: Option<Url>,
}

/// Calls a function with the URL of a topic. Returns the default value if the topic is not a URL.
//
// > A topic that cannot be parsed as a URL reference against the hub's URL cannot be matched by a URL pattern.
fn with_resolved<T: Default>(hub: &HubUrl, topic: &str, call: impl FnOnce(&Url) -> T) -> T {
    thread_local! {
        static LAST: RefCell<Option<Resolved>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        let is_same = |last: &Resolved| last.topic == topic && last.hub == *hub;
        if !last.as_ref().is_some_and(is_same) {
            *last = Some(Resolved {
                hub: hub.clone(),
                topic: topic.to_owned(),
                url: hub.resolve(topic),
            });
        }
        let url = last.as_ref().and_then(|last| last.url.as_ref());
        url.map(call).unwrap_or_default()
    })
}
