//! Topic matchers: expressions that select topics, for routing and for authorization.

use core::{error::Error, fmt};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
};

use sse_hub::{CustomPattern, InvalidTopic, Topic, TopicFilter};

use crate::{
    Compatibility, HubUrl, InvalidText, Limits, text,
    uri_template::{self, UriTemplate},
    url_pattern,
};

/// Matcher value that matches every topic, whatever the matcher type.
pub(crate) const WILDCARD: &str = "*";

/// Maximum number of compiled patterns that are kept, for subscribers that use the same ones.
const MAX_KEPT_PATTERNS: usize = 1024;

/// Type of a topic matcher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MatcherType {
    /// Matches the topic with exactly these bytes.
    #[default]
    Exact,
    /// Matches topics with a [URL pattern](https://urlpattern.spec.whatwg.org/), which may be relative to the hub.
    UrlPattern,
    /// Matches topics that a [URI template](https://www.rfc-editor.org/rfc/rfc6570) can expand to, and the topic with
    /// exactly the text of the template. Only for clients of earlier drafts, see [`Compatibility`].
    UriTemplate,
}

impl MatcherType {
    /// All matcher types of the current draft.
    pub const ALL: [Self; 2] = [Self::Exact, Self::UrlPattern];

    /// Returns the name, as in parameters, tokens and subscription documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::UrlPattern => "urlpattern",
            Self::UriTemplate => "uritemplate",
        }
    }

    /// Returns the type of the current draft with this name, which is case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// Topic matcher: a type and a value. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    matcher_type: MatcherType,
    value: Arc<str>,
    filter: TopicFilter,
}

impl Matcher {
    /// Returns the type.
    pub fn matcher_type(&self) -> MatcherType {
        self.matcher_type
    }

    /// Returns the value, as the client or the token has it.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// Returns the filter for the hub.
    pub fn filter(&self) -> &TopicFilter {
        &self.filter
    }

    /// Returns whether the matcher matches the topic.
    pub fn matches(&self, topic: &Topic) -> bool {
        self.filter.matches(topic)
    }
}

/// Compiles matchers for one hub. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Matchers {
    hub: HubUrl,
    compatibility: Compatibility,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Compiled patterns by their type and text.
    patterns: Mutex<HashMap<Box<str>, CustomPattern>>,
    /// Number of patterns with regular expressions that are in use.
    regex_patterns: Arc<AtomicUsize>,
}

impl Matchers {
    /// Creates a compiler for the matchers of this hub.
    pub fn new(hub: HubUrl) -> Self {
        Self {
            hub,
            compatibility: Compatibility::default(),
            shared: Arc::default(),
        }
    }

    /// Sets the earlier drafts whose requests and tokens are accepted, too: none by default. It applies to each
    /// [`SubscriptionRequest`](crate::SubscriptionRequest) and [`TokenValidator`](crate::TokenValidator) with these
    /// matchers.
    #[must_use]
    pub fn with_compatibility(self, compatibility: Compatibility) -> Self {
        Self {
            compatibility,
            ..self
        }
    }

    /// Returns the earlier drafts whose requests and tokens are accepted, too.
    pub fn compatibility(&self) -> Compatibility {
        self.compatibility
    }

    /// Returns the URL of the hub.
    pub fn hub_url(&self) -> &HubUrl {
        &self.hub
    }

    /// Returns the function for [`HubConfig::pattern_key`](sse_hub::HubConfig::pattern_key). Without it, the hub does
    /// not find the topics of URL patterns.
    pub fn pattern_key(&self) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
        let hub = self.hub.clone();
        move |topic| url_pattern::key(&hub, topic)
    }

    /// Compiles a matcher. A URI template without a valid expression is an exact matcher.
    ///
    /// # Errors
    ///
    /// [`InvalidMatcher`] if the value is too long, has invisible characters, or is not valid for its type.
    pub fn compile(
        &self,
        matcher_type: MatcherType,
        value: &str,
        limits: &Limits,
    ) -> Result<Matcher, InvalidMatcher> {
        let (bytes, limit) = (value.len(), limits.matcher_bytes);
        if bytes > limit {
            return Err(InvalidMatcher::TooLong { bytes, limit });
        }
        text::check(value).map_err(InvalidMatcher::Text)?;
        let exact = || Topic::opaque(value).map_err(InvalidMatcher::Topic);
        let (matcher_type, filter) = match matcher_type {
            _ if value == WILDCARD => (matcher_type, TopicFilter::all()),
            MatcherType::Exact => (matcher_type, exact()?.into()),
            MatcherType::UrlPattern => (matcher_type, self.url_pattern(value)?.into()),
            MatcherType::UriTemplate => match UriTemplate::parse(value) {
                Some(template) => (matcher_type, self.uri_template(&template, value)?.into()),
                None => (MatcherType::Exact, exact()?.into()),
            },
        };
        Ok(Matcher {
            matcher_type,
            value: value.into(),
            filter,
        })
    }

    fn url_pattern(&self, value: &str) -> Result<CustomPattern, InvalidMatcher> {
        self.pattern("urlpattern ", value, |tag, regex_patterns| {
            url_pattern::compile(&self.hub, tag, value, regex_patterns)
        })
    }

    fn uri_template(
        &self,
        template: &UriTemplate<'_>,
        value: &str,
    ) -> Result<CustomPattern, InvalidMatcher> {
        self.pattern("uritemplate ", value, |tag, regex_patterns| {
            template.compile(tag, value, regex_patterns)
        })
    }

    /// Returns the pattern with this tag and value, which is compiled unless it is kept.
    fn pattern(
        &self,
        tag: &str,
        value: &str,
        compile: impl Fn(&str, &Arc<AtomicUsize>) -> Result<CustomPattern, InvalidMatcher>,
    ) -> Result<CustomPattern, InvalidMatcher> {
        let patterns = || {
            let patterns = self.shared.patterns.lock();
            patterns.unwrap_or_else(PoisonError::into_inner)
        };
        let key = format!("{tag}{value}");
        if let Some(pattern) = patterns().get(&*key) {
            return Ok(pattern.clone());
        }
        let compile = || compile(tag, &self.shared.regex_patterns);
        let compiled = match compile() {
            Err(InvalidMatcher::TooManyRegexes(_)) => {
                // Some of them may be kept without being used.
                patterns().retain(|_, pattern| !pattern.is_unique());
                compile()
            }
            compiled => compiled,
        }?;
        let mut patterns = patterns();
        if patterns.len() >= MAX_KEPT_PATTERNS {
            patterns.retain(|_, pattern| !pattern.is_unique());
        }
        if patterns.len() >= MAX_KEPT_PATTERNS {
            return Ok(compiled);
        }
        patterns.insert(key.into(), compiled.clone());
        Ok(compiled)
    }
}

/// Error for a value that is not valid for its matcher type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidMatcher {
    /// The value is too long.
    TooLong {
        /// Length of the value, in bytes.
        bytes: usize,
        /// Maximum length, in bytes.
        limit: usize,
    },
    /// The value has an invisible character.
    Text(InvalidText),
    /// The value is empty, or too long for a topic.
    Topic(InvalidTopic),
    /// The value is not a URL pattern, for this reason.
    UrlPattern(String),
    /// A regular expression of the URL pattern is invalid or too large.
    Regex,
    /// The URI template has too many variables, or its regular expression is too large.
    UriTemplate,
    /// This number of patterns with regular expressions is in use already.
    TooManyRegexes(usize),
}

impl fmt::Display for InvalidMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, limit } => {
                write!(f, "matcher is {bytes} bytes, limit is {limit}")
            }
            Self::Text(_) | Self::Topic(_) => f.write_str("matcher is not valid"),
            Self::UrlPattern(reason) => write!(f, "not a URL pattern: {reason}"),
            Self::Regex => {
                f.write_str("not a URL pattern: a regular expression is invalid or too large")
            }
            Self::UriTemplate => {
                let limit = uri_template::MAX_VARIABLES;
                write!(
                    f,
                    "URI template is too large; it can have at most {limit} variables, and fewer with prefixes"
                )
            }
            Self::TooManyRegexes(limit) => {
                write!(
                    f,
                    "limit of {limit} patterns with regular expressions is reached"
                )
            }
        }
    }
}

impl Error for InvalidMatcher {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Text(error) => Some(error),
            Self::Topic(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::task::{Context, Waker};

    use sse_hub::{Event, Hub, HubConfig};

    use super::*;

    fn matchers() -> Matchers {
        Matchers::new(HubUrl::new("https://hub.example.com/.well-known/mercure").unwrap())
    }

    fn matches(matcher_type: MatcherType, value: &str, topic: &str) -> bool {
        let matchers = matchers();
        let matcher = matchers.compile(matcher_type, value, &Limits::default());
        let matcher = matcher.unwrap_or_else(|error| panic!("{value}: {error}"));
        let topic = Topic::opaque(topic).unwrap();
        let is_match = matcher.matches(&topic);
        assert_eq!(
            is_match,
            is_found(&matchers, &matcher, &topic),
            "{value} {topic}"
        );
        is_match
    }

    /// Returns whether a hub finds a subscriber with this matcher for an event of this topic.
    fn is_found(matchers: &Matchers, matcher: &Matcher, topic: &Topic) -> bool {
        let config = HubConfig::new().pattern_key(matchers.pattern_key());
        let hub = Hub::new(config.position_events(false));
        let mut subscription = hub.subscribe(matcher.filter().clone(), None).unwrap();
        hub.try_publish((topic, Event::new("x"))).unwrap();
        let waker = Waker::noop();
        let mut cx = Context::from_waker(waker);
        subscription.poll_events(&mut cx, waker).is_ready()
    }

    #[test]
    fn exact_matchers_compare_bytes() {
        for (value, topic, expected) in [
            ("foo", "foo", true),
            ("foo", "Foo", false),
            ("foo", "foo ", false),
            ("https://example.com/é", "https://example.com/é", true),
            (
                "https://example.com/é",
                "https://example.com/e\u{301}",
                false,
            ),
            ("https://example.com/%C3%A9", "https://example.com/é", false),
            ("https://example.com", "https://example.com/", false),
            ("https://example.com/:id", "https://example.com/1", false),
            ("/foo", "https://hub.example.com/foo", false),
            ("a/*", "a/b", false),
            ("a/*", "a/*", true),
            ("**", "a", false),
            ("*", "a", true),
            ("*", "https://example.com/a?b", true),
        ] {
            assert_eq!(
                matches(MatcherType::Exact, value, topic),
                expected,
                "{value} {topic}"
            );
        }
    }

    #[test]
    fn url_patterns_match_urls() {
        for (value, topic, expected) in [
            (
                "https://example.com/books/:id",
                "https://example.com/books/1",
                true,
            ),
            (
                "https://example.com/books/:id",
                "https://example.com/books/1/2",
                false,
            ),
            (
                "https://example.com/books/:id",
                "https://example.com/books/",
                false,
            ),
            (
                "https://example.com/books/:id",
                "http://example.com/books/1",
                false,
            ),
            (
                "https://example.com/books/:id",
                "https://EXAMPLE.com/books/1",
                true,
            ),
            (
                "https://example.com/books/:id",
                "https://example.com/Books/1",
                false,
            ),
            (
                "https://example.com/books/:id",
                "https://example.com:443/books/1",
                true,
            ),
            (
                "https://example.com/books/:id",
                "https://example.com:444/books/1",
                false,
            ),
            (
                "https://example.com/books/:id",
                "https://example.com/books/1#x",
                true,
            ),
            (
                "https://example.com/books/:id?",
                "https://example.com/books",
                true,
            ),
            (
                "https://example.com/books{/:id}*",
                "https://example.com/books/1/2",
                true,
            ),
            ("https://example.com/*", "https://example.com/a/b", true),
            ("https://*.example.com/*", "https://a.example.com/b", true),
            ("https://*.example.com/*", "https://example.com/b", false),
            ("https://example.com/(\\d+)", "https://example.com/17", true),
            ("https://example.com/(\\d+)", "https://example.com/a", false),
            (
                "https://example.com/a?b=:c",
                "https://example.com/a?b=1",
                true,
            ),
            ("http{s}?://example.com/a", "http://example.com/a", true),
            ("/foo/:id", "/foo/1", true),
            ("/foo/:id", "https://hub.example.com/foo/1", true),
            ("/foo/:id", "https://other.example.com/foo/1", false),
            ("/foo/:id", "../foo/1", true),
            (
                "/.well-known/mercure/subscriptions/*",
                "/.well-known/mercure/subscriptions/exact/a/b",
                true,
            ),
            ("https://example.com/é", "https://example.com/%C3%A9", true),
            ("https://example.com/é", "https://example.com/é", true),
            (r"urn\:uuid\::id", "urn:uuid:1", true),
            ("*:*", "data:x", true),
            ("https://example.com/*", "https://[/", false),
            ("*", "not a url at all", true),
            ("*", "https://[/", true),
        ] {
            let is_match = matches(MatcherType::UrlPattern, value, topic);
            assert_eq!(is_match, expected, "{value} {topic}");
        }
    }

    #[test]
    fn uri_templates_match_topics_as_they_are() {
        for (value, topic, expected) in [
            ("https://example.com/{id}", "https://example.com/1", true),
            ("https://example.com/{id}", "https://example.com/%7b", true),
            ("https://example.com/{id}", "https://example.com/{id}", true),
            ("https://example.com/{id}", "HTTPS://example.com/1", false),
            (
                "https://example.com/{id}",
                "https://example.com/a/../1",
                false,
            ),
            ("/foo/{id}", "/foo/1", true),
            ("/foo/{id}", "https://hub.example.com/foo/1", false),
            ("{id}", "not-a-url", true),
            ("urn:uuid:{id}", "urn:uuid:1", true),
            ("https://[/{id}", "https://[/1", true),
            ("https://example.com", "https://example.com", true),
            ("https://example.com", "https://example.com/", false),
            ("a{b", "a{b", true),
            ("a{b", "ab", false),
            ("*", "any", true),
        ] {
            let is_match = matches(MatcherType::UriTemplate, value, topic);
            assert_eq!(is_match, expected, "{value} {topic}");
        }
        assert_eq!(MatcherType::from_name("uritemplate"), None);
    }

    #[test]
    fn other_values_are_refused() {
        let matchers = matchers();
        let error = |matcher_type, value: &str| {
            let compiled = matchers.compile(matcher_type, value, &Limits::default());
            compiled.unwrap_err().to_string()
        };
        for matcher_type in MatcherType::ALL {
            for value in ["a\n", "a\u{200b}"] {
                assert_eq!(error(matcher_type, value), "matcher is not valid");
            }
            let long = "a".repeat(1025);
            assert_eq!(
                error(matcher_type, &long),
                "matcher is 1025 bytes, limit is 1024"
            );
        }
        assert_eq!(error(MatcherType::Exact, ""), "matcher is not valid");
        for value in ["https://example.com/(", "https://example.com/{", "/([)"] {
            let error = error(MatcherType::UrlPattern, value);
            assert!(error.starts_with("not a URL pattern: "), "{value}: {error}");
        }
    }

    #[test]
    fn hostile_expressions_are_linear_or_refused() {
        let matchers = matchers();
        let compile =
            |value: &str| matchers.compile(MatcherType::UrlPattern, value, &Limits::default());
        let huge = compile("https://example.com/(\\d{1000}\\w{1000})");
        assert_eq!(huge.unwrap_err(), InvalidMatcher::Regex);
        let nested = compile("https://example.com/((?:a*)*b)").unwrap();
        let topic = format!("https://example.com/{}", "a".repeat(4000));
        assert!(!nested.matches(&Topic::opaque(topic).unwrap()));
    }

    #[test]
    fn patterns_with_expressions_are_counted_while_they_are_in_use() {
        let matchers = matchers();
        let compile = |index: usize| {
            let (matcher_type, value) = match index % 2 {
                0 => (
                    MatcherType::UrlPattern,
                    format!("https://example.com/{index}(a|b)"),
                ),
                _ => (
                    MatcherType::UriTemplate,
                    format!("https://example.com/{index}{{a}}"),
                ),
            };
            matchers.compile(matcher_type, &value, &Limits::default())
        };
        let used: Vec<_> = (0..512).map(|index| compile(index).unwrap()).collect();
        assert_eq!(
            compile(512).unwrap_err(),
            InvalidMatcher::TooManyRegexes(512)
        );
        assert!(compile(511).is_ok(), "a pattern that is in use");
        drop(used);
        for index in 512..2000 {
            assert!(compile(index).is_ok());
        }
    }
}
