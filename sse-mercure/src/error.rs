use core::{error::Error, fmt};

use http::StatusCode;
use sse_hub::InvalidTopic;

use crate::{InvalidMatcher, InvalidText, Limits, MatcherType};

/// Error for a request that is malformed independently of its access token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// A name or a value is not UTF-8.
    Encoding,
    /// The request has no matcher.
    NoMatcher,
    /// The request has too many matchers.
    TooManyMatchers,
    /// This parameter begins with `match`, but is not a supported matcher type.
    UnknownMatcherType(String),
    /// The value of this parameter is not a matcher.
    Matcher {
        /// Name of the parameter.
        name: String,
        /// Reason.
        error: InvalidMatcher,
    },
    /// The update has no topic.
    NoTopic,
    /// The update has too many topics.
    TooManyTopics,
    /// The update has this topic, which is reserved for the hub or for the wildcard.
    ReservedTopic(String),
    /// A topic is not valid.
    Topic(InvalidTopic),
    /// The field with this name has an invisible character.
    Text {
        /// Name of the field.
        name: &'static str,
        /// Reason.
        error: InvalidText,
    },
    /// The field with this name is too long.
    TooLong {
        /// Name of the field.
        name: &'static str,
        /// Length of the value, in bytes.
        bytes: usize,
        /// Maximum length, in bytes.
        limit: usize,
    },
    /// The update has this ID, which begins with `#` or is `earliest`.
    ReservedId(String),
    /// The update has the type `mercure`.
    ReservedType,
    /// The reconnection time is not a number of digits.
    Retry(String),
    /// The update has the field with this name twice.
    Duplicate(&'static str),
}

impl RequestError {
    /// Returns the status code to respond with: 413 for an update that exceeds a limit, 400 otherwise.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooManyTopics | Self::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = Limits::MATCHERS;
        match self {
            Self::Encoding => f.write_str("a parameter is not UTF-8"),
            Self::NoMatcher => f.write_str("no topic matcher; use match or match_urlpattern"),
            Self::TooManyMatchers => write!(f, "more than {limit} topic matchers"),
            Self::UnknownMatcherType(name) => {
                let known = MatcherType::ALL.map(MatcherType::name).join(", ");
                write!(f, "unknown topic matcher {name:?}; the types are {known}")
            }
            Self::Matcher { name, .. } => write!(f, "parameter {name} is not valid"),
            Self::NoTopic => f.write_str("no topic"),
            Self::TooManyTopics => write!(f, "more than {limit} topics"),
            Self::ReservedTopic(topic) => write!(f, "topic {topic:?} is reserved"),
            Self::Topic(_) => f.write_str("topic is not valid"),
            Self::Text { name, .. } => write!(f, "field {name} is not valid"),
            Self::TooLong { name, bytes, limit } => {
                write!(f, "field {name} is {bytes} bytes, limit is {limit}")
            }
            Self::ReservedId(id) => write!(f, "ID {id:?} is reserved"),
            Self::ReservedType => f.write_str("type \"mercure\" is reserved"),
            Self::Retry(text) => write!(f, "retry {text:?} is not a number of digits"),
            Self::Duplicate(name) => write!(f, "field {name} is given twice"),
        }
    }
}

impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Matcher { error, .. } => Some(error),
            Self::Topic(error) => Some(error),
            Self::Text { error, .. } => Some(error),
            _ => None,
        }
    }
}
