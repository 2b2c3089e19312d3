/// Limits of what clients send.
///
/// The maximum number of matchers of a request, of topics of an update, and of topics that a token grants for each
/// action is 64: see [`sse_hub::TopicFilters`] and [`sse_hub::Topics`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum length of a matcher, in bytes: 1024 by default, and at most 4000.
    pub matcher_bytes: usize,
    /// Maximum length of a topic, in bytes: 4096 by default, which is also the maximum.
    pub topic_bytes: usize,
    /// Maximum length of an update's ID, in bytes: 256 by default.
    pub id_bytes: usize,
    /// Maximum length of an update's type, in bytes: 256 by default.
    pub type_bytes: usize,
    /// Maximum length of an access token, in bytes: 16,384 by default.
    pub token_bytes: usize,
}

impl Limits {
    /// Maximum number of matchers of one request, of topics of one update, and of topics that a token grants for an
    /// action.
    pub const MATCHERS: usize = 64;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            matcher_bytes: 1024,
            topic_bytes: 4096,
            id_bytes: 256,
            type_bytes: 256,
            token_bytes: 16 * 1024,
        }
    }
}
