use core::{cmp::Ordering, fmt, hash};
use std::sync::Arc;

use crate::{InvalidTopic, topic::MAX_OPAQUE_BYTES, topic::check};

/// Maximum length of a prefix, in bytes. A longer one is shortened at a slash.
const MAX_PREFIX_BYTES: usize = 512;

/// Pattern in a syntax that the hub does not know, for example a URL pattern.
///
/// A [`TopicFilter`](crate::TopicFilter) can be made from it. Two custom patterns with the same text are the same
/// pattern: the hub calls the function of one of them for both.
///
/// ```
/// use sse_hub::{CustomPattern, Topic, TopicFilter};
///
/// let pattern = CustomPattern::new("orders-*", |topic: &str| topic.starts_with("orders-"))?;
/// let filter = TopicFilter::from(pattern.with_prefix("orders-"));
/// assert!(filter.matches(&Topic::new("orders-17")?));
/// # Ok::<(), sse_hub::InvalidTopic>(())
/// ```
#[derive(Clone)]
pub struct CustomPattern(Arc<Parts>);

/// Parts of a pattern. They are behind one pointer, because there are very many filters.
#[derive(Clone)]
struct Parts {
    text: Box<str>,
    prefix: Arc<str>,
    matcher: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl CustomPattern {
    /// Creates a pattern with this text, which identifies it. The function returns whether it matches a topic.
    ///
    /// The hub calls the function for each new topic of an event, with the hub locked, and for each event of a replay.
    /// So the function must be fast, must return the same value each time, and must not use the hub.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if the text is empty or has more than 4096 bytes, or if it has a control character.
    pub fn new(
        text: impl AsRef<str>,
        matcher: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<Self, InvalidTopic> {
        let text = text.as_ref();
        check(text, MAX_OPAQUE_BYTES)?;
        Ok(Self(Arc::new(Parts {
            text: text.into(),
            prefix: "".into(),
            matcher: Arc::new(matcher),
        })))
    }

    /// Sets the prefix of the keys of all topics that this pattern can match. Empty by default.
    ///
    /// The key of a topic is the topic, or the result of
    /// [`HubConfig::pattern_key`](crate::HubConfig::pattern_key). The hub calls the function of a pattern only for
    /// topics whose key begins with the prefix. Of a prefix, only the part up to its last slash counts, and at most
    /// 512 bytes.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        let last = prefixes(prefix).last().unwrap_or_default();
        Arc::make_mut(&mut self.0).prefix = last.into();
        self
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Returns whether there is no other clone of this pattern, for example in a subscription.
    pub fn is_unique(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(crate) fn prefix(&self) -> &Arc<str> {
        &self.0.prefix
    }

    pub(crate) fn matches(&self, topic: &str) -> bool {
        (self.0.matcher)(topic)
    }
}

/// Returns all prefixes that a pattern can have if it matches a topic with this key, shortest first.
pub(crate) fn prefixes(key: &str) -> impl Iterator<Item = &str> {
    let slashes = key.match_indices('/').map(|(slash, _)| slash + 1);
    let ends = core::iter::once(0).chain(slashes);
    ends.take_while(|end| *end <= MAX_PREFIX_BYTES)
        .map(|end| &key[..end])
}

impl PartialEq for CustomPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for CustomPattern {}

impl PartialOrd for CustomPattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CustomPattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl hash::Hash for CustomPattern {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for CustomPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CustomPattern")
            .field(&self.as_str())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_with_a_slash() {
        let pattern = CustomPattern::new("p", |_: &str| true).unwrap();
        for (prefix, expected) in [
            ("", ""),
            ("a", ""),
            ("a/", "a/"),
            ("https://a.example/b", "https://a.example/"),
            (&"é/".repeat(400), &"é/".repeat(170)),
        ] {
            let pattern = pattern.clone().with_prefix(prefix);
            assert_eq!(&**pattern.prefix(), expected);
            let is_found = prefixes(prefix).any(|known| known == expected);
            assert!(is_found, "{prefix}");
        }
        let all: Vec<_> = prefixes("a/b//c").collect();
        assert_eq!(all, ["", "a/", "a/b/", "a/b//"]);
    }
}
