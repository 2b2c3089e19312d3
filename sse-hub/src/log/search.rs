//! Search for the events of a set of topic filters in the log.

use core::ops::Bound;
use std::{iter, sync::Arc};

use crate::{
    Encoded,
    audience::Audience,
    log::{Entry, Log, MAX_FRAME_BYTES},
    turn::Turn,
};

/// Events that [`Log::find`] has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Events, at most one frame of them.
    pub(crate) blocks: Vec<Encoded>,
    /// Sequence up to which there are no other events.
    pub(crate) position: u64,
}

impl Log {
    /// Returns the events of this audience after this sequence, up to a full frame or to the end of the turn.
    ///
    /// If `compact` is set, returns only events that no newer event of their key replaces. Events up to `expired` are
    /// left out, except those of the main queue, and with `compact` those with a key.
    pub(crate) fn find(
        &self,
        after: u64,
        audience: &Audience,
        compact: bool,
        expired: u64,
        turn: &mut Turn,
    ) -> Found {
        let mut found = Found {
            position: after,
            ..Found::default()
        };
        let mut size = 0;
        let expired = self.expired.max(expired);
        let per_topic = self.per_topic.after(after.max(expired));
        let state = if compact { after } else { u64::MAX };
        let state = self
            .kept_by_key
            .range((Bound::Excluded(state), Bound::Unbounded));
        let kept = merge(per_topic, state.map(|(_, entry)| entry));
        let start = if compact {
            after
        } else {
            after.max(self.floor)
        };
        let start = self
            .entries
            .partition_point(|entry| entry.sequence <= start);
        for entry in kept.chain(self.entries.range(start..)) {
            if turn.is_over() {
                return found;
            }
            turn.spend(entry.cost(audience));
            if audience.receives(&entry.topics, entry.is_private)
                && !(compact && self.is_replaced(entry, expired))
            {
                if size > 0 && size + entry.block.len() > MAX_FRAME_BYTES {
                    return found;
                }
                size += entry.block.len();
                found.blocks.push(entry.block.clone());
            }
            found.position = entry.sequence;
        }
        found.position = self.latest.max(after);
        found
    }

    /// Returns whether a subscriber with `LagPolicy::Latest` does not get this event: a newer one of its key replaces
    /// it, or it has no key and is too old.
    fn is_replaced(&self, entry: &Entry, expired: u64) -> bool {
        match &entry.key {
            Some(key) => self.latest_by_key.get(key) != Some(&entry.sequence),
            None => entry.sequence <= expired,
        }
    }

    /// Returns the sequence after which a replay of all kept events begins.
    pub(crate) fn replay_start(&self, compact: bool) -> u64 {
        let start = self.skip_missing(0, self.expired());
        if compact {
            start.min(self.kept_by_key_floor)
        } else {
            start
        }
    }

    /// Searches for the latest events of this audience. Returns the sequence after which they are. `None` if they are
    /// not found in this turn: the caller continues in the next one.
    pub(crate) fn search_back(
        &self,
        search: &mut BackwardSearch,
        audience: &Audience,
        turn: &mut Turn,
    ) -> Option<u64> {
        let expired = self.expired();
        let start = self.floor.max(expired);
        let start = self
            .entries
            .partition_point(|entry| entry.sequence <= start);
        let end = self
            .entries
            .partition_point(|entry| entry.sequence <= search.through);
        let front = self.entries.range(start..end.max(start));
        let per_topic = self.per_topic.between(expired, search.through);
        for entry in front.rev().chain(per_topic.rev()) {
            if search.left == 0 {
                break;
            }
            if turn.is_over() {
                return None;
            }
            turn.spend(entry.cost(audience));
            // Sequences begin with 1.
            search.through = entry.sequence - 1;
            search.left -= usize::from(audience.receives(&entry.topics, entry.is_private));
        }
        let found = if search.left == 0 { search.through } else { 0 };
        // Some of the events may have been dropped meanwhile.
        Some(self.skip_missing(found, expired))
    }
}

/// Merges two iterators in the order of their sequences. An event that is in both is yielded once.
pub(super) fn merge<'a>(
    first: impl Iterator<Item = &'a Arc<Entry>>,
    second: impl Iterator<Item = &'a Arc<Entry>>,
) -> impl Iterator<Item = &'a Arc<Entry>> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    iter::from_fn(move || {
        let (one, other) = match (first.peek(), second.peek()) {
            (Some(one), Some(other)) => (one.sequence, other.sequence),
            (Some(_), None) => return first.next(),
            (None, _) => return second.next(),
        };
        if one == other {
            second.next();
        }
        if one <= other {
            first.next()
        } else {
            second.next()
        }
    })
}

/// Search for the latest events of a set of topic filters, backwards from the latest one.
#[derive(Debug)]
pub(crate) struct BackwardSearch {
    /// Number of events to find.
    left: usize,
    /// Sequence of the latest event that was not examined yet.
    through: u64,
}

impl BackwardSearch {
    /// Creates a search for the latest `events` events up to `through`.
    pub(crate) fn new(events: usize, through: u64) -> Self {
        Self {
            left: events,
            through,
        }
    }
}
