use core::fmt;
use std::sync::Arc;

use crate::{
    InvalidTopic, Topic,
    topic::{SEPARATOR, Topics, check, distinct},
};

/// Which topics a subscriber hears of: one, or all that a pattern describes.
///
/// In a pattern, `*` stands for one segment and `**`, at the end, for one or more: `orders/*/items`,
/// `orders/**`, and `**` for all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Selector {
    /// This topic.
    Exact(Topic),
    /// Topics of this form.
    Pattern(Pattern),
}

impl Selector {
    /// A pattern if there is a `*` in the text, else a topic.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] says what is wrong with it.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidTopic> {
        let text = text.as_ref();
        if text.contains('*') {
            Pattern::new(text).map(Self::Pattern)
        } else {
            Topic::new(text).map(Self::Exact)
        }
    }

    /// Whether events of this topic are selected.
    pub fn matches(&self, topic: &Topic) -> bool {
        match self {
            Self::Exact(exact) => exact == topic,
            Self::Pattern(pattern) => pattern.matches(topic),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(topic) => topic.as_str(),
            Self::Pattern(pattern) => &pattern.text,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The form of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    text: Arc<str>,
}

/// A segment of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// This one.
    Exact(&'a str),
    /// Any one.
    One,
    /// One or more, up to the end.
    Rest,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, InvalidTopic> {
        check(text)?;
        let pattern = Self { text: text.into() };
        let mut segments = pattern.segments();
        while let Some(segment) = segments.next() {
            let is_wrong = match segment {
                Segment::Exact(text) => text.contains('*'),
                Segment::One => false,
                Segment::Rest => segments.next().is_some(),
            };
            if is_wrong {
                return Err(InvalidTopic::Star(text.to_owned()));
            }
        }
        drop(segments);
        Ok(pattern)
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

/// All that one subscriber hears of: 1 to 64 [`Selector`]s. An event that several of them match comes
/// once.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Selection(Arc<[Selector]>);

impl Selection {
    /// Checks these texts.
    ///
    /// # Errors
    ///
    /// If one of them is neither a topic nor a pattern, if there is none, or if there are more than 64.
    ///
    /// ```
    /// use sse_hub::{Selection, Topic};
    ///
    /// let selection = Selection::new(["news", "orders/**"])?;
    /// assert!(selection.matches(&Topic::new("orders/17/items")?));
    /// assert!(!selection.matches(&Topic::new("orders")?));
    /// # Ok::<(), sse_hub::InvalidTopic>(())
    /// ```
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, InvalidTopic> {
        distinct(texts, Selector::new).map(Self)
    }

    /// Events of all topics.
    pub fn all() -> Self {
        let all = Pattern { text: "**".into() };
        Self([Selector::Pattern(all)].into())
    }

    /// The selectors, none of them twice.
    pub fn iter(&self) -> core::slice::Iter<'_, Selector> {
        self.0.iter()
    }

    /// Whether events of this topic are selected.
    pub fn matches(&self, topic: &Topic) -> bool {
        self.iter().any(|selector| selector.matches(topic))
    }

    pub(crate) fn matches_any(&self, topics: &Topics) -> bool {
        topics.iter().any(|topic| self.matches(topic))
    }
}

impl<'a> IntoIterator for &'a Selection {
    type Item = &'a Selector;
    type IntoIter = core::slice::Iter<'a, Selector>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Topic> for Selection {
    fn from(topic: Topic) -> Self {
        Self([Selector::Exact(topic)].into())
    }
}

impl From<&Topic> for Selection {
    fn from(topic: &Topic) -> Self {
        topic.clone().into()
    }
}

impl From<Selector> for Selection {
    fn from(selector: Selector) -> Self {
        Self([selector].into())
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
