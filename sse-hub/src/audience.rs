//! Audience: the events that a subscriber may and wants to receive.

use crate::{TopicFilters, Topics};

/// Topic filters of a subscriber, and the topics whose private events it may receive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Audience {
    pub(crate) filters: TopicFilters,
    /// A private event of one of these topics is received if `filters` matches one of its topics, too. With `None`,
    /// no private event is received.
    pub(crate) private: Option<TopicFilters>,
}

impl Audience {
    /// Returns whether an event of these topics is received.
    pub(crate) fn receives(&self, topics: &Topics, is_private: bool) -> bool {
        self.filters.matches_any(topics) && self.may_receive(topics, is_private)
    }

    /// Returns whether an event of these topics may be received. The filters decide if it is.
    pub(crate) fn may_receive(&self, topics: &Topics, is_private: bool) -> bool {
        let may_read = |private: &TopicFilters| private.matches_any(topics);
        !is_private || self.private.as_ref().is_some_and(may_read)
    }

    /// Returns the number of filters.
    pub(crate) fn filter_count(&self) -> usize {
        let private = self
            .private
            .as_ref()
            .map_or(0, |private| private.iter().len());
        self.filters.iter().len() + private
    }
}

impl From<TopicFilters> for Audience {
    fn from(filters: TopicFilters) -> Self {
        Self {
            filters,
            private: None,
        }
    }
}
