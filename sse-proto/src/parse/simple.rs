//! The short ways: blocks that lie in the chunk as a whole, when nothing is pending.
//!
//! They only save time: `Parser::block` would come to the same. So they give up, and leave all as it
//! was, at whatever is not as usual.

use super::{LastEventId, Parser, Place, READY, Step, whole::Whole};
use crate::{
    chunk::Chunk,
    field::{is_id, reconnection_time},
    line::find_end,
    store::Store,
};

/// A chunk that has less and stops inside of a line most likely cuts the block.
const LONG: usize = 256;

/// A line of which the end is in the chunk too: where its value starts and ends, and where the next
/// line starts.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

impl<S: Store> Parser<S> {
    /// The short way for what nearly every stream is made of: a block of one `data` line, or a
    /// comment line.
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

    /// The short way for a block with one `data` line among other fields.
    ///
    /// A `retry` field comes out before the event. Then the chunk stays at the start of the block,
    /// and where its values are is kept for the next call (`READY`).
    #[inline(always)]
    pub(super) fn whole(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Step> {
        let block = chunk.rest();
        if block.len() < LONG && block.last() != Some(&b'\n') {
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
                // The first of two may be one that has to be told.
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

    /// The short way for `data` lines but the first, if they are far from the limit.
    #[inline(always)]
    pub(super) fn more_data(&mut self, chunk: &mut Chunk<'_>) {
        while chunk.rest().len() >= LONG
            && let Some(line) = field(chunk.bytes, chunk.at, b"data:")
        {
            self.push_data_line(chunk.bytes, line.start, line.end);
            chunk.at = line.next;
        }
    }

    /// The event of the block for which `retry` was told before.
    pub(super) fn ready(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Step> {
        self.pending &= !READY;
        (self.ready.end <= chunk.rest().len()).then(|| self.ready.dispatch(chunk, last_event_id))
    }
}

/// The field with this name, if there is one here.
#[inline(always)]
fn field(bytes: &[u8], at: usize, name: &[u8]) -> Option<Line> {
    if !bytes.get(at..)?.starts_with(name) {
        return None;
    }
    let colon = at + name.len();
    // The search for the end need not wait for whether there is a space.
    let line = whole_line(bytes, colon)?;
    Some(Line {
        start: colon + usize::from(bytes[colon] == b' '),
        ..line
    })
}

/// The line with the value that starts here. Not one that ends in a lone CR.
#[inline(always)]
fn whole_line(bytes: &[u8], start: usize) -> Option<Line> {
    let end = start + find_end(bytes.get(start..)?)?;
    let next = behind_end(bytes, end)?;
    Some(Line { start, end, next })
}

/// Where the next line starts, if a line ends here, and not in a lone CR.
#[inline(always)]
fn behind_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..)? {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    }
}
