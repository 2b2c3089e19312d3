//! The short ways: blocks that lie in the chunk as a whole, when nothing is pending.
//!
//! They only save time, and touch no state: `Parser::block` would come to the same.

use super::{Parser, Place, Step};
use crate::{chunk::Chunk, field::without_space, line::find_end, store::Store};

impl<S: Store> Parser<S> {
    /// The short way for what nearly every stream is made of: a block of one `data` line, or a
    /// comment line, all in this chunk. It leaves everything as it was if it meets anything else.
    #[inline(always)]
    pub(super) fn simple(&self, chunk: &mut Chunk<'_>) -> Option<Step> {
        let (bytes, start) = (chunk.bytes, chunk.at);
        if let Some((data, next)) = field(bytes, start, b"data:") {
            chunk.at = blank_line(bytes, next).filter(|next| next - start <= self.limits.event)?;
            return Some(Step::Event {
                event_type: None,
                data,
            });
        }
        if bytes.get(start) == Some(&b':') {
            let (comment, next) = whole_line(bytes, start + 1)?;
            if next - start > self.limits.event {
                return None;
            }
            chunk.at = blank_line(bytes, next).unwrap_or(next);
            return Some(Step::Comment(comment));
        }
        None
    }

    /// The short way for the second most frequent block: `event`, then `data`.
    pub(super) fn typed(&self, chunk: &mut Chunk<'_>) -> Option<Step> {
        let (bytes, start) = (chunk.bytes, chunk.at);
        let (event_type, next) = field(bytes, start, b"event:")?;
        let (data, next) = field(bytes, next, b"data:")?;
        let next = blank_line(bytes, next)?;
        if next - start > self.limits.event || event_type.len() > self.limits.name {
            return None;
        }
        chunk.at = next;
        Some(Step::Event {
            event_type: Some(event_type).filter(|place| place.len() > 0),
            data,
        })
    }
}

/// The value of the field with this name, and where the next line starts, if there is one here.
#[inline(always)]
fn field(bytes: &[u8], at: usize, name: &[u8]) -> Option<(Place, usize)> {
    let value = without_space(bytes[at..].strip_prefix(name)?);
    whole_line(bytes, bytes.len() - value.len())
}

/// A line of which the end is in the chunk too, from `start` on, and where the next one starts. Not
/// one that ends in a lone CR.
#[inline(always)]
fn whole_line(bytes: &[u8], start: usize) -> Option<(Place, usize)> {
    let end = start + find_end(&bytes[start..])?;
    let next = blank_line(bytes, end)?;
    Some((Place::Chunk(start, end), next))
}

/// Where the line behind a blank line starts, if there is one here that does not end in a lone CR.
#[inline(always)]
fn blank_line(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes[at..] {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    }
}
