//! IDs: commit and limit.

use super::{Block, ID, LastEventId, Parser, Place, Step};
use crate::{DecodeError, chunk::Chunk, field::Field, store::Store};

/// Default limit of the decoders on event IDs: 8 KiB.
///
/// The standard has no limit. But an ID is kept after its event and is sent back in a header. Servers accept 8 KB
/// to 64 KB for all headers together.
pub const DEFAULT_MAX_ID_BYTES: usize = 8 * 1024;

/// Length of U+FFFD, in bytes. Each byte can become U+FFFD, so text is at most this many times as long as its
/// bytes.
const REPLACEMENT_BYTES: usize = char::REPLACEMENT_CHARACTER.len_utf8();

impl<S: Store> Parser<S> {
    /// Returns the limit on IDs, in bytes of their text.
    #[cfg(feature = "alloc")]
    pub(crate) fn max_id_bytes(&self) -> usize {
        self.limits.id
    }

    pub(crate) fn set_max_id_bytes(&mut self, limit: usize) {
        self.limits.id = limit;
    }

    /// Commits the ID of the block, and returns whether the block has one.
    ///
    /// "1. Set the last event ID string of the event source to the value of the last event ID buffer." That buffer
    /// outlives the block, so a block without an ID changes nothing.
    #[inline(always)]
    pub(super) fn commit_id(
        &self,
        chunk: &Chunk<'_>,
        block: &Block,
        last_event_id: &mut impl LastEventId,
    ) -> bool {
        let held = (self.pending & ID != 0).then_some(Place::Held);
        let Some(id) = block.id.or(held) else {
            return false;
        };
        last_event_id.commit(id.slice(chunk, || self.id.bytes()));
        true
    }

    /// Commits the ID of a dropped line, if the line has one. The part of such a line in earlier chunks is held in
    /// `data`, which holds nothing else.
    pub(super) fn find_id(
        &mut self,
        rest: &[u8],
        end: Option<usize>,
        last_event_id: &mut impl LastEventId,
    ) {
        let part = &rest[..end.unwrap_or(rest.len())];
        let held = self.data.len();
        let is_all_there = held == self.line_length;
        let may_be_id = || {
            let start = self.data.bytes().iter().chain(part);
            start.zip(b"id:").all(|(byte, expected)| byte == expected)
        };
        if !is_all_there || held + part.len() > self.limits.event || !may_be_id() {
            self.data.truncate(0);
            return;
        }
        self.data.push(part);
        if end.is_none() {
            return;
        }
        if let Field::Id(id) = Field::parse(self.data.bytes())
            && !self.is_too_long(id)
        {
            last_event_id.commit(id);
        }
        self.data.truncate(0);
    }

    /// Returns whether the value of an `id` field is longer than allowed.
    #[inline(always)]
    pub(super) fn is_too_long(&self, id: &[u8]) -> bool {
        let limit = self.limits.id;
        // Text is never shorter than its bytes, so the text of a long ID need not be measured.
        id.len() > limit || (id.len() > limit / REPLACEMENT_BYTES && text_length(id) > limit)
    }

    /// Returns the error for an ID that is ignored. `at` is the start of its line.
    #[cold]
    pub(super) fn id_too_long(&self, id: &[u8], at: u64) -> Step {
        let limit = self.limits.id;
        Step::TooLarge(DecodeError::IdTooLong {
            length: if id.len() > limit {
                id.len()
            } else {
                text_length(id)
            },
            limit,
            at,
        })
    }
}

/// Returns the length of these bytes as text, in bytes.
#[cold]
fn text_length(bytes: &[u8]) -> usize {
    let part = |valid: &str, invalid: &[u8]| match invalid {
        [] => valid.len(),
        _ => valid.len() + REPLACEMENT_BYTES,
    };
    bytes
        .utf8_chunks()
        .map(|chunk| part(chunk.valid(), chunk.invalid()))
        .sum()
}
