//! Fast paths for blocks that lie completely in the chunk, if nothing is pending.
//!
//! They only save time: `Parser::slow_block` has the same result. If anything is unusual, they give up and leave the
//! state unchanged.

use super::{
    LastEventId, Parsed, Parser, Span,
    buffer::Buffer,
    field::{is_id, reconnection_time},
    line::find_line_end,
    resume::Flags,
};
use crate::chunk::Chunk;

/// Minimum length of the rest of a chunk, in bytes, if the rest ends inside a line. A shorter rest probably splits
/// the block.
const MIN_REST_BYTES: usize = 256;

/// Spans of the values in a block, relative to its start.
#[derive(Debug, Default)]
pub(super) struct BlockSpans {
    /// Empty if the block has no type.
    event_type: (usize, usize),
    data: (usize, usize),
    id: Option<(usize, usize)>,
    /// End of the block.
    end: usize,
}

impl BlockSpans {
    /// Takes the block from the chunk.
    #[inline(always)]
    fn dispatch(&self, chunk: &mut Chunk<'_>, last_event_id: &mut impl LastEventId) -> Parsed {
        let block = chunk.offset;
        if let Some((start, end)) = self.id {
            last_event_id.commit(&chunk.rest()[start..end]);
        }
        chunk.offset += self.end;
        let span = |(start, end)| Span::Chunk(block + start, block + end);
        Parsed::Event {
            event_type: Some(self.event_type)
                .filter(|(start, end)| start < end)
                .map(span),
            data: span(self.data),
        }
    }
}

/// Line that is complete in the chunk: start and end of its value, and start of the next line.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

impl<S: Buffer> Parser<S> {
    /// Fast path for the most frequent blocks: one `data` line, or a comment line.
    #[inline(always)]
    pub(super) fn fast_data_line(&self, chunk: &mut Chunk<'_>) -> Option<Parsed> {
        let bytes = chunk.bytes;
        loop {
            let offset = chunk.offset;
            if let Some(line) = field(bytes, offset, b"data:") {
                let next = after_line_end(bytes, line.next)?;
                if next - offset > self.limits.event {
                    return None;
                }
                chunk.offset = next;
                return Some(Parsed::Event {
                    event_type: None,
                    data: Span::Chunk(line.start, line.end),
                });
            }
            if bytes.get(offset) != Some(&b':') {
                return None;
            }
            let line = complete_line(bytes, offset + 1)?;
            if line.next - offset > self.limits.event {
                return None;
            }
            chunk.offset = after_line_end(bytes, line.next).unwrap_or(line.next);
            if self.comments {
                return Some(Parsed::Comment(Span::Chunk(line.start, line.end)));
            }
        }
    }

    /// Fast path for a block with one `data` line among other fields.
    ///
    /// A `retry` field is returned before the event. Then the chunk stays at the start of the block, and the
    /// positions of the values are stored for the next call (`READY`).
    #[inline(always)]
    pub(super) fn fast_block(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Parsed> {
        let block = chunk.rest();
        if block.len() < MIN_REST_BYTES && block.last() != Some(&b'\n') {
            return None;
        }
        let (mut event_type, mut data, mut id, mut retry) = (None, None, None, None);
        let mut offset = 0;
        let end = loop {
            if let Some(end) = after_line_end(block, offset) {
                break end;
            }
            let line = if let Some(line) = field(block, offset, b"event:") {
                event_type = Some(line);
                line
            } else if let Some(line) = field(block, offset, b"data:") {
                if data.replace(line).is_some() {
                    return None;
                }
                line
            } else if let Some(line) = field(block, offset, b"id:") {
                // The first of two IDs may be too long, and must then be reported.
                if id.replace(line).is_some() {
                    return None;
                }
                line
            } else if let Some(line) = field(block, offset, b"retry:") {
                let time = reconnection_time(&block[line.start..line.end])?;
                if retry.replace(time).is_some() {
                    return None;
                }
                line
            } else {
                return None;
            };
            offset = line.next;
        };
        let value = |line: Line| (line.start, line.end);
        let spans = BlockSpans {
            event_type: event_type.map_or((0, 0), value),
            data: data.map(value)?,
            id: id.map(value),
            end,
        };
        let is_valid_id = |(start, end)| {
            let id = &block[start..end];
            is_id(id) && !self.is_too_long(id)
        };
        let (type_start, type_end) = spans.event_type;
        if end > self.limits.event
            || type_end - type_start > self.limits.event_type
            || !spans.id.is_none_or(is_valid_id)
        {
            return None;
        }
        if let Some(time) = retry {
            self.ready = spans;
            self.pending.insert(Flags::READY);
            return Some(Parsed::Retry(time));
        }
        Some(spans.dispatch(chunk, last_event_id))
    }

    /// Fast path for the second and later `data` lines, if they are far from the limit.
    #[inline(always)]
    pub(super) fn fast_more_data(&mut self, chunk: &mut Chunk<'_>) {
        while chunk.rest().len() >= MIN_REST_BYTES
            && let Some(line) = field(chunk.bytes, chunk.offset, b"data:")
        {
            self.push_data_line(chunk.bytes, line.start, line.end);
            chunk.offset = line.next;
        }
    }

    /// Returns the event of the block whose `retry` field was returned before.
    pub(super) fn take_ready_block(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Parsed> {
        self.pending.remove(Flags::READY);
        (self.ready.end <= chunk.rest().len()).then(|| self.ready.dispatch(chunk, last_event_id))
    }
}

/// Returns the line at this position, if it is a field with this name.
#[inline(always)]
fn field(bytes: &[u8], offset: usize, name: &[u8]) -> Option<Line> {
    if !bytes.get(offset..)?.starts_with(name) {
        return None;
    }
    let colon = offset + name.len();
    // The search for the end need not wait for the check for a space.
    let line = complete_line(bytes, colon)?;
    Some(Line {
        start: colon + usize::from(bytes[colon] == b' '),
        ..line
    })
}

/// Returns the line whose value starts at this position. `None` if the line is incomplete or ends in a lone CR.
#[inline(always)]
fn complete_line(bytes: &[u8], start: usize) -> Option<Line> {
    let end = start + find_line_end(bytes.get(start..)?)?;
    let next = after_line_end(bytes, end)?;
    Some(Line { start, end, next })
}

/// Returns the start of the next line, if a line ends at this position. `None` for a lone CR.
#[inline(always)]
fn after_line_end(bytes: &[u8], offset: usize) -> Option<usize> {
    match bytes.get(offset..)? {
        [b'\n', ..] => Some(offset + 1),
        [b'\r', b'\n', ..] => Some(offset + 2),
        _ => None,
    }
}
