//! Topic filters: the topics and patterns that a subscriber gets the events of.

use core::fmt;
use std::sync::Arc;

use crate::{
    CustomPattern, InvalidTopic, Topic,
    topic::{MAX_TOPIC_BYTES, SEPARATOR, Topics, check, distinct},
};

/// Maximum number of segments of a pattern. With [`MAX_STARS`], it bounds the number of shapes of patterns, and so the
/// number of lookups of each topic of an event.
pub(crate) const MAX_SEGMENTS: usize = 16;

/// Maximum number of segments of a pattern that are `*`.
pub(crate) const MAX_STARS: usize = 4;

/// Filter that matches one topic, or all topics of a pattern.
///
/// In a pattern, `*` stands for one segment, and `**` at the end for one or more segments: `orders/*/items`,
/// `orders/**`, or `**` for all topics. A pattern has at most 256 bytes and 16 segments, of which at most 4 are `*`.
///
/// `From` converts a topic into a filter for exactly this topic. Text that a user has chosen must not become part
/// of a pattern: see [`TopicFilters`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TopicFilter {
    /// Matches this topic.
    Exact(Topic),
    /// Matches all topics of this pattern.
    Pattern(Pattern),
    /// Matches all topics of this pattern, which has a syntax that the hub does not know.
    Custom(CustomPattern),
}

impl TopicFilter {
    /// Parses a pattern. A text without `*` matches exactly this topic.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if the text is empty or too long, or if it has a control character or too many segments. Also
    /// if a `*` is not a whole segment, or if a `**` is not the last segment.
    pub fn from_pattern(text: impl AsRef<str>) -> Result<Self, InvalidTopic> {
        let text = text.as_ref();
        if text.contains('*') {
            Pattern::new(text).map(Self::Pattern)
        } else {
            Topic::new(text).map(Self::Exact)
        }
    }

    /// Creates a filter for all topics below this one: the topics that begin with its text and a `/`.
    ///
    /// For example, `orders/17/items` and `orders/17/items/1` are below `orders/17`, but `orders/17` and `orders/171`
    /// are not. Use this instead of a pattern made with `format!` if a user has chosen a part of the topic.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if the topic has more than 253 bytes or 15 segments.
    ///
    /// ```
    /// use sse_hub::{TopicFilter, Topic};
    ///
    /// let user = Topic::from_segments(["user", "alice"])?;
    /// assert_eq!(TopicFilter::below(&user)?.as_str(), "user/alice/**");
    /// # Ok::<(), sse_hub::InvalidTopic>(())
    /// ```
    pub fn below(topic: &Topic) -> Result<Self, InvalidTopic> {
        Pattern::new(&format!("{topic}{SEPARATOR}**")).map(Self::Pattern)
    }

    /// Creates a filter for all topics.
    pub fn all() -> Self {
        Self::Pattern(Pattern { text: "**".into() })
    }

    /// Returns whether this filter matches the topic.
    pub fn matches(&self, topic: &Topic) -> bool {
        match self {
            Self::Exact(exact) => exact == topic,
            Self::Pattern(pattern) => pattern.matches(topic),
            Self::Custom(pattern) => pattern.matches(topic.as_str()),
        }
    }

    /// Returns the text of the topic or pattern.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(topic) => topic.as_str(),
            Self::Pattern(pattern) => pattern.as_str(),
            Self::Custom(pattern) => pattern.as_str(),
        }
    }
}

impl From<Topic> for TopicFilter {
    fn from(topic: Topic) -> Self {
        Self::Exact(topic)
    }
}

impl From<CustomPattern> for TopicFilter {
    fn from(pattern: CustomPattern) -> Self {
        Self::Custom(pattern)
    }
}

impl From<&Topic> for TopicFilter {
    fn from(topic: &Topic) -> Self {
        topic.clone().into()
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Pattern that matches topics. Create it with [`TopicFilter::from_pattern`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    text: Arc<str>,
}

/// Segment of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// Matches this segment.
    Exact(&'a str),
    /// Matches any one segment.
    One,
    /// Matches one or more segments, up to the end.
    Rest,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, InvalidTopic> {
        check(text, MAX_TOPIC_BYTES)?;
        let pattern = Self { text: text.into() };
        let (mut count, mut stars, mut has_ended) = (0, 0, false);
        for segment in pattern.segments() {
            let is_misplaced = match segment {
                Segment::Exact(text) => text.contains('*'),
                Segment::One | Segment::Rest => false,
            };
            if is_misplaced || has_ended {
                return Err(InvalidTopic::MisplacedStar(text.to_owned()));
            }
            count += 1;
            stars += usize::from(segment == Segment::One);
            has_ended = segment == Segment::Rest;
        }
        if count > MAX_SEGMENTS {
            return Err(InvalidTopic::TooManySegments(count));
        }
        if stars > MAX_STARS {
            return Err(InvalidTopic::TooManyStars(stars));
        }
        Ok(pattern)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.text.split(SEPARATOR).map(|segment| match segment {
            "*" => Segment::One,
            "**" => Segment::Rest,
            text => Segment::Exact(text),
        })
    }

    fn matches(&self, topic: &Topic) -> bool {
        let mut segments = topic.segments();
        for wanted in self.segments() {
            match (wanted, segments.next()) {
                (_, None) => return false,
                (Segment::Rest, Some(_)) => return true,
                (Segment::One, Some(_)) => {}
                (Segment::Exact(text), Some(segment)) if text == segment => {}
                (Segment::Exact(_), Some(_)) => return false,
            }
        }
        segments.next().is_none()
    }
}

/// Set of 1 to 64 [`TopicFilter`]s, which decides the events that one subscriber gets.
///
/// An event is delivered once, even if several filters match it. Cloning is cheap: it copies no text.
///
/// # Text that users choose
///
/// A `*` in a pattern matches topics of other users, and a `/` in a name splits it into segments. For example,
/// `user/{name}` is the topic of a user's private events. Then a user with the name `*` must not get the events of all
/// users. A user with the name `bob/private` must not get the events of a topic of the user `bob`.
///
/// - [`new`](Self::new), and `From` for [`Topic`] and [`Topics`], match exact topics. They reject `*`.
/// - [`Topic::from_segments`] rejects `*` and `/` in a segment.
/// - [`from_patterns`](Self::from_patterns), [`with_patterns`](Self::with_patterns) and
///   [`TopicFilter::from_pattern`] interpret `*`. Use them only for your own text, and for users that may receive all
///   topics. [`TopicFilter::below`] makes a pattern from a topic that contains text from a user.
///
/// ```
/// use sse_hub::{InvalidTopic, TopicFilters, Topic};
///
/// fn private(name: &str) -> Result<TopicFilters, InvalidTopic> {
///     let own = Topic::from_segments(["user", name])?;
///     TopicFilters::from(own).with_patterns(["news/**"])
/// }
///
/// let filters = private("alice")?;
/// assert!(filters.matches(&Topic::new("user/alice")?));
/// assert!(filters.matches(&Topic::new("news/today")?));
/// assert!(!filters.matches(&Topic::new("user/bob")?));
/// assert!(private("*").is_err() && private("bob/inbox").is_err());
/// # Ok::<(), InvalidTopic>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TopicFilters(Arc<[TopicFilter]>);

impl TopicFilters {
    /// Creates filters for exactly these topics: 1 to 64.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if one of the texts is not a topic, for example because it has a `*`. Also if there are no
    /// texts, or more than 64.
    ///
    /// ```
    /// use sse_hub::{TopicFilters, Topic};
    ///
    /// let filters = TopicFilters::new(["news", "orders/17"])?;
    /// assert!(filters.matches(&Topic::new("orders/17")?));
    /// assert!(TopicFilters::new(["orders/*"]).is_err());
    /// # Ok::<(), sse_hub::InvalidTopic>(())
    /// ```
    pub fn new<T: AsRef<str>>(topics: impl IntoIterator<Item = T>) -> Result<Self, InvalidTopic> {
        Topics::new(topics).map(Self::from)
    }

    /// Creates filters from patterns. A text without `*` matches exactly this topic.
    ///
    /// Users must not choose a part of these texts, unless they may receive all topics:
    /// [see above](Self#text-that-users-choose).
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if one of the texts is neither a topic nor a [pattern](TopicFilter), if there are no texts,
    /// or if there are more than 64.
    ///
    /// ```
    /// use sse_hub::{TopicFilters, Topic};
    ///
    /// let filters = TopicFilters::from_patterns(["news", "orders/**"])?;
    /// assert!(filters.matches(&Topic::new("orders/17/items")?));
    /// assert!(!filters.matches(&Topic::new("orders")?));
    /// # Ok::<(), sse_hub::InvalidTopic>(())
    /// ```
    pub fn from_patterns<T: AsRef<str>>(
        patterns: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidTopic> {
        distinct(patterns.into_iter().map(TopicFilter::from_pattern)).map(Self)
    }

    /// Creates a set from 1 to 64 filters.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if there are no filters, or more than 64.
    pub fn from_filters<F: Into<TopicFilter>>(
        filters: impl IntoIterator<Item = F>,
    ) -> Result<Self, InvalidTopic> {
        distinct(filters.into_iter().map(|filter| Ok(filter.into()))).map(Self)
    }

    /// Adds filters for these patterns.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if one of the texts is neither a topic nor a pattern, or if there are more than 64 filters
    /// in total.
    pub fn with_patterns<T: AsRef<str>>(
        self,
        patterns: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidTopic> {
        let own = self.iter().cloned().map(Ok);
        let more = patterns.into_iter().map(TopicFilter::from_pattern);
        distinct(own.chain(more)).map(Self)
    }

    /// Creates a filter for all topics.
    pub fn all() -> Self {
        TopicFilter::all().into()
    }

    /// Returns the filters, sorted and without duplicates.
    pub fn iter(&self) -> core::slice::Iter<'_, TopicFilter> {
        self.0.iter()
    }

    /// Returns whether one of the filters matches this topic.
    pub fn matches(&self, topic: &Topic) -> bool {
        self.iter().any(|filter| filter.matches(topic))
    }

    pub(crate) fn matches_any(&self, topics: &Topics) -> bool {
        topics.iter().any(|topic| self.matches(topic))
    }
}

impl<'a> IntoIterator for &'a TopicFilters {
    type Item = &'a TopicFilter;
    type IntoIter = core::slice::Iter<'a, TopicFilter>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Topic> for TopicFilters {
    fn from(topic: Topic) -> Self {
        Self([TopicFilter::Exact(topic)].into())
    }
}

impl From<&Topic> for TopicFilters {
    fn from(topic: &Topic) -> Self {
        topic.clone().into()
    }
}

impl From<Topics> for TopicFilters {
    fn from(topics: Topics) -> Self {
        Self::from(&topics)
    }
}

impl From<&Topics> for TopicFilters {
    fn from(topics: &Topics) -> Self {
        // Topics are sorted and distinct already.
        Self(topics.iter().map(TopicFilter::from).collect())
    }
}

impl From<TopicFilter> for TopicFilters {
    fn from(filter: TopicFilter) -> Self {
        Self([filter].into())
    }
}

impl fmt::Debug for TopicFilters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
