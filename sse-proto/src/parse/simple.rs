//! Fast paths for blocks that lie completely in the chunk, if nothing is pending.
//!
//! They only save time: `Parser::block` has the same result. If anything is unusual, they give up and leave the
//! state unchanged.

use super::{LastEventId, Parser, Place, READY, Step, whole::Whole};
use crate::{
    chunk::Chunk,
    field::{is_id, reconnection_time},
    line::find_end,
    store::Store,
};

/// Minimum length of the rest of a chunk, in bytes, if the rest ends inside a line. A shorter rest probably splits
/// the block.
const MIN_REST_BYTES: usize = 256;

/// Line that is complete in the chunk: start and end of its value, and start of the next line.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

impl<S: Store> Parser<S> {
    /// Fast path for the most frequent blocks: one `data` line, or a comment line.
    #[inline(always)]
    pub(super) fn simple(&self, chunk: &mut Chunk<'_>) -> Option<Step> {
        let bytes = chunk.bytes;
        loop {
            let at = chunk.at;
            if let Some(line) = field(bytes, at, b"data:") {
                let next = behind_end(bytes, line.next)?;
                if next - at > self.limits.event {
                    return None;
                }
                chunk.at = next;
                return Some(Step::Event {
                    event_type: None,
                    data: Place::Chunk(line.start, line.end),
                });
            }
            if bytes.get(at) != Some(&b':') {
                return None;
            }
            let line = whole_line(bytes, at + 1)?;
            if line.next - at > self.limits.event {
                return None;
            }
            chunk.at = behind_end(bytes, line.next).unwrap_or(line.next);
            if self.comments {
                return Some(Step::Comment(Place::Chunk(line.start, line.end)));
            }
        }
    }

    /// Fast path for a block with one `data` line among other fields.
    ///
    /// A `retry` field is returned before the event. Then the chunk stays at the start of the block, and the
    /// positions of the values are stored for the next call (`READY`).
    #[inline(always)]
    pub(super) fn whole(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Step> {
        let block = chunk.rest();
        if block.len() < MIN_REST_BYTES && block.last() != Some(&b'\n') {
            return None;
        }
        let (mut event_type, mut data, mut id, mut retry) = (None, None, None, None);
        let mut at = 0;
        let end = loop {
            if let Some(end) = behind_end(block, at) {
                break end;
            }
            let line = if let Some(line) = field(block, at, b"event:") {
                event_type = Some(line);
                line
            } else if let Some(line) = field(block, at, b"data:") {
                if data.replace(line).is_some() {
                    return None;
                }
                line
            } else if let Some(line) = field(block, at, b"id:") {
                // The first of two IDs may be too long, and must then be reported.
                if id.replace(line).is_some() {
                    return None;
                }
                line
            } else if let Some(line) = field(block, at, b"retry:") {
                let time = reconnection_time(&block[line.start..line.end])?;
                if retry.replace(time).is_some() {
                    return None;
                }
                line
            } else {
                return None;
            };
            at = line.next;
        };
        let value = |line: Line| (line.start, line.end);
        let whole = Whole {
            event_type: event_type.map_or((0, 0), value),
            data: data.map(value)?,
            id: id.map(value),
            end,
        };
        let is_fine = |(start, end)| {
            let id = &block[start..end];
            is_id(id) && !self.is_too_long(id)
        };
        let (type_start, type_end) = whole.event_type;
        if end > self.limits.event
            || type_end - type_start > self.limits.event_type
            || !whole.id.is_none_or(is_fine)
        {
            return None;
        }
        if let Some(time) = retry {
            self.ready = whole;
            self.pending |= READY;
            return Some(Step::Retry(time));
        }
        Some(whole.dispatch(chunk, last_event_id))
    }

    /// Fast path for the second and later `data` lines, if they are far from the limit.
    #[inline(always)]
    pub(super) fn more_data(&mut self, chunk: &mut Chunk<'_>) {
        while chunk.rest().len() >= MIN_REST_BYTES
            && let Some(line) = field(chunk.bytes, chunk.at, b"data:")
        {
            self.push_data_line(chunk.bytes, line.start, line.end);
            chunk.at = line.next;
        }
    }

    /// Returns the event of the block whose `retry` field was returned before.
    pub(super) fn ready(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Step> {
        self.pending &= !READY;
        (self.ready.end <= chunk.rest().len()).then(|| self.ready.dispatch(chunk, last_event_id))
    }
}

/// Returns the line at this position, if it is a field with this name.
#[inline(always)]
fn field(bytes: &[u8], at: usize, name: &[u8]) -> Option<Line> {
    if !bytes.get(at..)?.starts_with(name) {
        return None;
    }
    let colon = at + name.len();
    // The search for the end need not wait for the check for a space.
    let line = whole_line(bytes, colon)?;
    Some(Line {
        start: colon + usize::from(bytes[colon] == b' '),
        ..line
    })
}

/// Returns the line whose value starts at this position. `None` if the line is incomplete or ends in a lone CR.
#[inline(always)]
fn whole_line(bytes: &[u8], start: usize) -> Option<Line> {
    let end = start + find_end(bytes.get(start..)?)?;
    let next = behind_end(bytes, end)?;
    Some(Line { start, end, next })
}

/// Returns the start of the next line, if a line ends at this position. `None` for a lone CR.
#[inline(always)]
fn behind_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..)? {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    }
}
