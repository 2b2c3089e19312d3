//! How long an ID may be.

use super::{Parser, Step};
use crate::{DecodeError, store::Store};

/// The limit on event IDs of a decoder if none is set: 8 KiB.
///
/// The standard has none. But an ID outlives its event and is sent back in a header, of which servers take 8 KB
/// to 64 KB for all headers together.
pub const DEFAULT_MAX_ID_BYTES: usize = 8 * 1024;

/// How much longer text can be than the bytes that it was read from: U+FFFD for each of them.
const GROWTH: usize = char::REPLACEMENT_CHARACTER.len_utf8();

impl<S: Store> Parser<S> {
    /// Returns the limit on IDs, in bytes of their text.
    #[cfg(feature = "alloc")]
    pub(crate) fn max_id_bytes(&self) -> usize {
        self.limits.id
    }

    pub(crate) fn set_max_id_bytes(&mut self, limit: usize) {
        self.limits.id = limit;
    }

    /// Returns whether the value of an `id` field is longer than allowed.
    #[inline(always)]
    pub(super) fn is_too_long(&self, id: &[u8]) -> bool {
        let limit = self.limits.id;
        // Text is never shorter than the bytes that it was read from, so a long ID does not have to be read.
        id.len() > limit || (id.len() > limit / GROWTH && text_length(id) > limit)
    }

    /// An ID is ignored. `at` is where its line starts.
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

/// How many bytes the text has that these are read as.
#[cold]
fn text_length(bytes: &[u8]) -> usize {
    let part = |valid: &str, invalid: &[u8]| match invalid {
        [] => valid.len(),
        _ => valid.len() + GROWTH,
    };
    bytes
        .utf8_chunks()
        .map(|chunk| part(chunk.valid(), chunk.invalid()))
        .sum()
}
