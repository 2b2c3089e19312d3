//! An event of the log, with its memory and the work of matching it.

use std::{sync::Arc, time::Instant};

use sse_hyper::Encoded;

use crate::{Selection, Topic, Topics, post::Key};

/// Number of bytes of a topic or a key that take as long to match as a short one.
const SHORT: usize = 16;

/// Memory of an [`Encoded`] event in addition to its bytes: unused room, and a count of its clones.
const BLOCK_OVERHEAD: usize = 64;

/// A kept event, encoded with its ID.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) topics: Topics,
    pub(crate) key: Option<Key>,
    pub(crate) block: Encoded,
    pub(crate) at: Instant,
}

impl Entry {
    /// Returns about how many bytes of memory it takes, as if it shared its topics with no other event.
    pub(crate) fn size(&self) -> usize {
        let topics = shared(self.topics.iter().len() * size_of::<Topic>());
        let texts = self.topics.iter().map(|topic| shared(topic.as_str().len()));
        // Maps have room for more than they hold.
        let key = self.key.as_ref().map_or(0, |(_, key)| {
            shared(key.len()) + 2 * size_of::<(Key, u64)>()
        });
        let block = allocated(self.block.len()) + allocated(BLOCK_OVERHEAD);
        let entry = shared(size_of::<Self>()) + 2 * size_of::<Arc<Self>>();
        entry + block + topics + texts.sum::<usize>() + key
    }

    /// Returns the work of matching it against a selection, in units of [`Turn`](crate::turn::Turn).
    pub(super) fn cost(&self, selection: &Selection) -> usize {
        let key = self.key.as_ref().map_or(0, |(_, key)| key.len());
        cost(&self.topics, selection) + key / SHORT
    }
}

/// Returns the work of matching these topics, in units of [`Turn`](crate::turn::Turn).
pub(crate) fn cost(topics: &Topics, selection: &Selection) -> usize {
    let topics = topics.iter().map(|topic| 1 + topic.as_str().len() / SHORT);
    topics.sum::<usize>() * selection.iter().len()
}

/// Returns the memory of an allocation of this length: allocators round up, and add some words of their own.
fn allocated(bytes: usize) -> usize {
    (bytes + size_of::<usize>()).next_multiple_of(16)
}

/// Returns the memory of an `Arc` with its two counts.
fn shared(bytes: usize) -> usize {
    allocated(2 * size_of::<usize>() + bytes)
}
