use core::{error::Error, fmt};
use std::sync::Arc;

use crate::selection::{MAX_SEGMENTS, MAX_STARS};

/// The longest topic or pattern, in bytes.
const LONGEST: usize = 256;

/// The most topics of one event, and the most selectors of one subscription.
const MOST: usize = 64;

/// What separates the segments of a topic.
pub(crate) const SEPARATOR: char = '/';

/// What an event is about: `news`, or in segments `orders/17/items`.
///
/// Any text of 1 to 256 bytes without control characters and without `*`, which is for
/// [patterns](crate::Selector). A clone copies nothing.
///
/// If users choose a part of a topic, make it with [`from_segments`](Self::from_segments).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Checks that the text can be a topic.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] says what is wrong with it.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidTopic> {
        let text = text.as_ref();
        check(text)?;
        if text.contains('*') {
            return Err(InvalidTopic::Star(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// Joins segments with `/`. Each stays one segment, whatever text it has: use this if users choose some
    /// of them.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if a segment is empty or has a `/` or a `*`, if there are no segments, or if the whole
    /// is not a topic.
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
        for (place, segment) in segments.into_iter().enumerate() {
            let segment = segment.as_ref();
            if segment.is_empty() {
                return Err(InvalidTopic::EmptySegment(place));
            }
            if segment.contains(SEPARATOR) {
                return Err(InvalidTopic::Separator(segment.to_owned()));
            }
            if place > 0 {
                text.push(SEPARATOR);
            }
            text.push_str(segment);
        }
        Self::new(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is between the slashes.
    pub(crate) fn segments(&self) -> core::str::Split<'_, char> {
        self.0.split(SEPARATOR)
    }
}

/// What holds for topics and patterns.
pub(crate) fn check(text: &str) -> Result<(), InvalidTopic> {
    if text.is_empty() {
        return Err(InvalidTopic::Empty);
    }
    if text.len() > LONGEST {
        return Err(InvalidTopic::TooLong(text.len()));
    }
    match text.char_indices().find(|(_, it)| it.is_control()) {
        Some((at, character)) => Err(InvalidTopic::Control { at, character }),
        None => Ok(()),
    }
}

/// What holds for the topics of an event and the selectors of a subscription.
pub(crate) fn distinct<T: Ord>(
    items: impl IntoIterator<Item = Result<T, InvalidTopic>>,
) -> Result<Arc<[T]>, InvalidTopic> {
    let mut all = Vec::new();
    for item in items {
        if all.len() == MOST {
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

impl TryFrom<&str> for Topic {
    type Error = InvalidTopic;

    fn try_from(text: &str) -> Result<Self, InvalidTopic> {
        Self::new(text)
    }
}

/// The topics of one event: 1 to 64, none of them twice.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Topics(Arc<[Topic]>);

impl Topics {
    /// Checks these texts.
    ///
    /// # Errors
    ///
    /// If one of them is no topic, if there is none, or if there are more than 64.
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, InvalidTopic> {
        distinct(texts.into_iter().map(Topic::new)).map(Self)
    }

    /// The topics, in the order of their texts.
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

/// Why a text is no topic, or not one to select topics by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTopic {
    /// There is no text.
    Empty,
    /// It has so many bytes, and may have 256.
    TooLong(usize),
    /// There is a control character in it.
    Control {
        /// At this byte.
        at: usize,
        /// Which it is.
        character: char,
    },
    /// This topic has a `*`. Only patterns may:
    /// [`Selection::from_patterns`](crate::Selection::from_patterns).
    Star(String),
    /// In this pattern, a `*` is not a whole segment, or a `**` is not the last one.
    MisplacedStar(String),
    /// The pattern has this number of segments, more than 16.
    TooManySegments(usize),
    /// The pattern has this number of segments `*`, more than 4.
    TooManyStars(usize),
    /// This segment has a `/`.
    Separator(String),
    /// The segment at this place is empty. The first is at 0.
    EmptySegment(usize),
    /// There is none.
    None,
    /// There are more than 64.
    TooMany,
}

impl fmt::Display for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a topic cannot be empty"),
            Self::TooLong(length) => write!(f, "topic: {length} bytes are more than {LONGEST}"),
            Self::Control { at, character } => {
                write!(f, "topic: {character:?} at byte {at}")
            }
            Self::Star(text) => write!(
                f,
                "topic {text:?}: `*` is for patterns, see `from_patterns`"
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
            Self::EmptySegment(place) => write!(f, "segment {place} is empty"),
            Self::None => f.write_str("no topic"),
            Self::TooMany => write!(f, "more than {MOST} topics"),
        }
    }
}

impl Error for InvalidTopic {}
