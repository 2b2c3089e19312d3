use core::{error::Error, fmt};
use std::sync::Arc;

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
pub(crate) fn distinct<S, T: Ord>(
    texts: impl IntoIterator<Item = S>,
    new: impl Fn(S) -> Result<T, InvalidTopic>,
) -> Result<Arc<[T]>, InvalidTopic> {
    let mut all = Vec::new();
    for text in texts {
        if all.len() == MOST {
            return Err(InvalidTopic::TooMany);
        }
        all.push(new(text)?);
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
        distinct(texts, Topic::new).map(Self)
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
    /// A topic has no `*`; and in a pattern `*` stands for a whole segment, `**` for all at its end.
    Star(String),
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
                "topic {text:?}: `*` is for patterns, as a whole segment, or `**` as the last one"
            ),
            Self::None => f.write_str("no topic"),
            Self::TooMany => write!(f, "more than {MOST} topics"),
        }
    }
}

impl Error for InvalidTopic {}
