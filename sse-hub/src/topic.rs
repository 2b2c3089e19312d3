//! Topics of events.

use core::{borrow::Borrow, error::Error, fmt, str::FromStr};
use std::sync::Arc;

use crate::topic_filters::{MAX_SEGMENTS, MAX_STARS};

/// Maximum length of a topic or a pattern, in bytes.
pub(crate) const MAX_TOPIC_BYTES: usize = 256;

/// Maximum length of an opaque topic or a custom pattern, in bytes.
pub(crate) const MAX_OPAQUE_BYTES: usize = 4096;

/// Maximum number of topics of one event, and of filters of one subscription.
const MAX_TOPICS: usize = 64;

/// Separator of the segments of a topic.
pub(crate) const SEPARATOR: char = '/';

/// Topic of events, for example `news`, or `orders/17/items` with three segments.
///
/// A topic is any text of 1 to 256 bytes without control characters and without `*`, which is for
/// [patterns](crate::TopicFilter). Cloning is cheap: it copies no text.
///
/// If users choose a part of a topic, make it with [`from_segments`](Self::from_segments).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Creates a topic from this text.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if the text is not a topic.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidTopic> {
        let text = text.as_ref();
        check(text, MAX_TOPIC_BYTES)?;
        if text.contains('*') {
            return Err(InvalidTopic::Star(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// Creates an opaque topic: any text of 1 to 4096 bytes without control characters. A `*` has no meaning in it.
    ///
    /// Use it for identifiers that are longer than 256 bytes or may have a `*`, for example URLs. A filter for exactly
    /// this topic matches it. So does a [pattern](crate::TopicFilter), whose `*` stands for any segment.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if the text is empty or too long, or if it has a control character.
    pub fn opaque(text: impl AsRef<str>) -> Result<Self, InvalidTopic> {
        let text = text.as_ref();
        check(text, MAX_OPAQUE_BYTES)?;
        Ok(Self(text.into()))
    }

    /// Creates a topic from segments, which are joined with `/`.
    ///
    /// Use this if users choose some of the segments: each text is exactly one segment, or an error.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if a segment is empty or has a `/` or a `*`, or if there are no segments. Also if the joined
    /// text is not a topic.
    ///
    /// ```
    /// use sse_hub::Topic;
    ///
    /// let name = "alice";
    /// let topic = Topic::from_segments(["user", name, "inbox"])?;
    /// assert_eq!(topic.as_str(), "user/alice/inbox");
    /// assert!(Topic::from_segments(["user", "alice/inbox"]).is_err());
    /// # Ok::<(), sse_hub::InvalidTopic>(())
    /// ```
    pub fn from_segments<S: AsRef<str>>(
        segments: impl IntoIterator<Item = S>,
    ) -> Result<Self, InvalidTopic> {
        let mut text = String::new();
        for (index, segment) in segments.into_iter().enumerate() {
            let segment = segment.as_ref();
            if segment.is_empty() {
                return Err(InvalidTopic::EmptySegment(index));
            }
            if segment.contains(SEPARATOR) {
                return Err(InvalidTopic::Separator(segment.to_owned()));
            }
            if index > 0 {
                text.push(SEPARATOR);
            }
            text.push_str(segment);
        }
        Self::new(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the segments: the texts between the slashes.
    pub(crate) fn segments(&self) -> core::str::Split<'_, char> {
        self.0.split(SEPARATOR)
    }
}

/// Checks the rules that topics and patterns have in common.
pub(crate) fn check(text: &str, limit: usize) -> Result<(), InvalidTopic> {
    if text.is_empty() {
        return Err(InvalidTopic::Empty);
    }
    let bytes = text.len();
    if bytes > limit {
        return Err(InvalidTopic::TooLong { bytes, limit });
    }
    match text
        .char_indices()
        .find(|(_, character)| character.is_control())
    {
        Some((offset, character)) => Err(InvalidTopic::Control { offset, character }),
        None => Ok(()),
    }
}

/// Sorts the topics of an event or the filters of a subscription, removes duplicates, and checks their number.
pub(crate) fn distinct<T: Ord>(
    items: impl IntoIterator<Item = Result<T, InvalidTopic>>,
) -> Result<Arc<[T]>, InvalidTopic> {
    let mut all = Vec::new();
    for item in items {
        if all.len() == MAX_TOPICS {
            return Err(InvalidTopic::TooMany);
        }
        all.push(item?);
    }
    if all.is_empty() {
        return Err(InvalidTopic::None);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all.into())
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Keys of a map can be looked up as `&str`.
impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Topic {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Topic {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl TryFrom<&str> for Topic {
    type Error = InvalidTopic;

    fn try_from(text: &str) -> Result<Self, InvalidTopic> {
        Self::new(text)
    }
}

impl TryFrom<String> for Topic {
    type Error = InvalidTopic;

    fn try_from(text: String) -> Result<Self, InvalidTopic> {
        Self::new(text)
    }
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        Self::new(text)
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.as_str().to_owned()
    }
}

/// Topics of one event: 1 to 64 distinct ones.
///
/// A subscriber gets the event once, even if its filters match several of the topics.
///
/// ```
/// use sse_hub::Topics;
///
/// let topics = Topics::new(["news", "sports"])?;
/// assert_eq!(topics.iter().len(), 2);
/// # Ok::<(), sse_hub::InvalidTopic>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Topics(Arc<[Topic]>);

impl Topics {
    /// Creates a set of topics from these texts. Duplicates count once.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if one of the texts is not a topic, if there are no texts, or if there are more than 64.
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, InvalidTopic> {
        distinct(texts.into_iter().map(Topic::new)).map(Self)
    }

    /// Creates a set from 1 to 64 topics. Duplicates count once.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if there are no topics, or more than 64.
    pub fn from_topics(topics: impl IntoIterator<Item = Topic>) -> Result<Self, InvalidTopic> {
        distinct(topics.into_iter().map(Ok)).map(Self)
    }

    /// Returns the topics, sorted by their texts.
    pub fn iter(&self) -> core::slice::Iter<'_, Topic> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Topics {
    type Item = &'a Topic;
    type IntoIter = core::slice::Iter<'a, Topic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Topic> for Topics {
    fn from(topic: Topic) -> Self {
        Self([topic].into())
    }
}

impl From<&Topic> for Topics {
    fn from(topic: &Topic) -> Self {
        topic.clone().into()
    }
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Error for a text that is not a topic or a pattern, or for a wrong number of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTopic {
    /// The text is empty.
    Empty,
    /// The text is too long.
    TooLong {
        /// Length of the text, in bytes.
        bytes: usize,
        /// Maximum length, in bytes: 256, or 4096 for an opaque topic.
        limit: usize,
    },
    /// The text has a control character.
    Control {
        /// Byte offset of the character.
        offset: usize,
        /// The character.
        character: char,
    },
    /// This topic has a `*`, which only patterns can have: see
    /// [`TopicFilters::from_patterns`](crate::TopicFilters::from_patterns).
    Star(String),
    /// Text of a pattern in which a `*` is not a whole segment, or a `**` is not the last segment.
    MisplacedStar(String),
    /// The pattern has this number of segments, more than 16.
    TooManySegments(usize),
    /// The pattern has this number of segments `*`, more than 4.
    TooManyStars(usize),
    /// This segment has a `/`.
    Separator(String),
    /// The segment at this index is empty. The index of the first segment is 0.
    EmptySegment(usize),
    /// There are no topics or filters.
    None,
    /// There are more than 64 topics or filters.
    TooMany,
}

impl fmt::Display for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("topic is empty"),
            Self::TooLong { bytes, limit } => write!(f, "topic is {bytes} bytes, limit is {limit}"),
            Self::Control { offset, character } => {
                write!(
                    f,
                    "topic has the control character {character:?} at byte {offset}"
                )
            }
            Self::Star(text) => write!(
                f,
                "topic {text:?} has a `*`, which only patterns can have, see `from_patterns`"
            ),
            Self::MisplacedStar(text) => write!(
                f,
                "pattern {text:?}: `*` must be a whole segment, `**` the last one"
            ),
            Self::TooManySegments(count) => {
                write!(f, "pattern has {count} segments, limit is {MAX_SEGMENTS}")
            }
            Self::TooManyStars(count) => {
                write!(f, "pattern has {count} segments `*`, limit is {MAX_STARS}")
            }
            Self::Separator(text) => write!(f, "segment {text:?} has a `{SEPARATOR}`"),
            Self::EmptySegment(index) => write!(f, "segment {index} is empty"),
            Self::None => f.write_str("no topic"),
            Self::TooMany => write!(f, "more than {MAX_TOPICS} topics"),
        }
    }
}

impl Error for InvalidTopic {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn opaque_topics_may_be_long_and_have_stars() {
        for text in ["*", "https://example.com/*", &"x".repeat(MAX_OPAQUE_BYTES)] {
            assert!(Topic::new(text).is_err());
            assert_eq!(Topic::opaque(text).unwrap(), *text);
        }
        let (bytes, limit) = (MAX_OPAQUE_BYTES + 1, MAX_OPAQUE_BYTES);
        assert_eq!(
            Topic::opaque("x".repeat(bytes)),
            Err(InvalidTopic::TooLong { bytes, limit })
        );
        assert_eq!(Topic::opaque(""), Err(InvalidTopic::Empty));
        assert!(Topic::opaque("a\nb").is_err() && Topic::opaque("a\u{85}b").is_err());
    }

    #[test]
    fn topics_convert_like_text() {
        let topic = Topic::new("orders/17").expect("a topic");
        assert_eq!(topic, "orders/17");
        assert_eq!(topic, *"orders/17");
        assert_eq!(Topic::try_from("orders/17"), Ok(topic.clone()));
        assert_eq!(Topic::try_from("orders/17".to_owned()), Ok(topic.clone()));
        assert_eq!(Topic::from_str("orders/17"), Ok(topic.clone()));
        assert_eq!(
            Topic::from_str("orders/*"),
            Err(InvalidTopic::Star("orders/*".to_owned()))
        );
        assert_eq!(String::from(topic.clone()), "orders/17");
        let counts = BTreeMap::from([(topic, 3)]);
        assert_eq!(counts.get("orders/17"), Some(&3));
    }
}
