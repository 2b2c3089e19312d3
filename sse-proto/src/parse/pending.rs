//! State that spans chunks: it is stored at the end of a chunk and resumed at the start of the next.

use super::{
    BLOCK, Block, COMMENT, ID, LENT, LINE, LastEventId, Parser, Place, READY, RESYNCHRONIZE,
    SKIP_LF, START, Step, VALUE,
};
use crate::{
    DecodeError,
    chunk::Chunk,
    field::{Field, data_so_far},
    line::{find_end, find_far_end},
    store::Store,
};

/// Encoding of U+FEFF. At the start of a stream, it is not part of the stream.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Minimum length of a long line, in bytes.
const LONG_LINE_BYTES: usize = 64;

impl<S: Store> Parser<S> {
    /// Ends the chunk.
    #[inline]
    pub(super) fn need_more(&mut self, chunk: &mut Chunk<'_>) -> Step {
        chunk.at = chunk.bytes.len();
        self.leave(chunk);
        Step::NeedMore
    }

    /// Adds the bytes taken from a chunk to the position. The chunk is not used again.
    pub(crate) fn leave(&mut self, chunk: &mut Chunk<'_>) {
        self.position += chunk.newly_taken();
    }

    /// Returns whether the stream is inside an event that would set or dispatch something. An event that is too
    /// large does not count, because an error has reported it.
    pub(crate) fn is_inside_event(&self) -> bool {
        if self.pending & (LENT | RESYNCHRONIZE) != 0 {
            return false;
        }
        // An incomplete byte order mark becomes the start of a line if the rest does not follow.
        let is_cut_line = self.pending & (LINE | START) != 0
            && self.line_length > 0
            && !self.comment().starts_with(b":");
        is_cut_line
            || self.pending & (VALUE | ID) != 0
            || self.data_length > 0
            || self.event_type.len() > 0
    }

    /// Stores the incomplete line at the end of the chunk, and the part of the block before it. Of a `data` line,
    /// only the value is stored, directly after the data of the block.
    pub(super) fn hold_line(&mut self, chunk: &mut Chunk<'_>, mut block: Block) -> Step {
        let line = chunk.rest();
        if line[0] != b':' {
            block.start.get_or_insert(chunk.at);
        }
        self.hold(chunk, &block);
        self.line_length = line.len();
        if let Some(value) = data_so_far(line) {
            self.data.push(value);
            self.pending |= VALUE;
        } else {
            self.data.push(line);
            self.pending |= LINE;
        }
        self.need_more(chunk)
    }

    /// Stores the part of an incomplete block that lies in the chunk.
    pub(super) fn hold(&mut self, chunk: &Chunk<'_>, block: &Block) {
        let Some(start) = block.start else { return };
        if self.pending & BLOCK == 0 {
            self.pending |= BLOCK;
            self.block_at = self.offset(chunk, start);
        }
        if let Some(event_type) = block.event_type {
            self.event_type.set(event_type.slice(chunk, || &[]));
        }
        if let Some(id) = block.id {
            self.id.set(id.slice(chunk, || &[]));
            self.pending |= ID;
        }
        if let Some(data) = block.data {
            self.push_data(data.slice(chunk, || &[]));
        }
    }

    /// Does the work that the last chunk and the last item left. If it returns `None`, the chunk is at the start
    /// of a line.
    #[inline(always)]
    pub(super) fn catch_up(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Step> {
        if self.pending & (LENT | START | SKIP_LF | RESYNCHRONIZE | READY | COMMENT) != 0 {
            if self.pending & READY != 0
                && let Some(step) = self.ready(chunk, last_event_id)
            {
                return Some(step);
            }
            if self.pending & COMMENT != 0 {
                self.skip_comment(chunk);
                if self.pending & COMMENT != 0 {
                    return Some(self.need_more(chunk));
                }
            }
            if self.pending & LENT != 0 {
                self.clear();
            }
            if self.pending & START != 0 {
                self.skip_bom(chunk);
            }
            if self.pending & SKIP_LF != 0 && !chunk.rest().is_empty() {
                self.pending &= !SKIP_LF;
                chunk.at += usize::from(chunk.rest()[0] == b'\n');
            }
            if self.pending & RESYNCHRONIZE != 0 {
                return self.resynchronize(chunk, last_event_id);
            }
        }
        if self.pending & LINE != 0 && self.line_length == 0 {
            // The line was a comment, which the caller had borrowed.
            self.drop_line();
        }
        match self.pending & (LINE | VALUE) {
            0 => None,
            _ => self.continue_line(chunk, last_event_id),
        }
    }

    /// Skips a byte order mark: "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if
    /// any."
    fn skip_bom(&mut self, chunk: &mut Chunk<'_>) {
        while let Some(&first) = chunk.rest().first() {
            if first == BOM[self.line_length] {
                chunk.at += 1;
                self.line_length += 1;
                if self.line_length < BOM.len() {
                    continue;
                }
                self.line_length = 0;
            } else if self.line_length > 0 {
                // It was not a byte order mark. Its bytes start the first line.
                self.data.push(&BOM[..self.line_length]);
                self.pending |= BLOCK | LINE;
                self.block_at = 0;
            }
            self.pending &= !START;
            return;
        }
    }

    /// Drops a comment up to its end, or up to the end of the chunk.
    pub(super) fn skip_comment(&mut self, chunk: &mut Chunk<'_>) {
        if let Some(length) = find_end(chunk.rest()) {
            self.pending &= !COMMENT;
            self.end_line(chunk, length);
        } else {
            self.pending |= COMMENT;
            chunk.at = chunk.bytes.len();
        }
    }

    /// Continues a line that started in an earlier chunk.
    fn continue_line(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Step> {
        let (rest, start) = (chunk.rest(), chunk.at);
        // A line that is already long probably continues for long.
        let end = if self.line_length >= LONG_LINE_BYTES && rest.len() >= LONG_LINE_BYTES {
            find_far_end(rest)
        } else {
            find_end(rest)
        };
        let part = &rest[..end.unwrap_or(rest.len())];
        let complete = self.data_length + self.event_type.len() + self.id.len();
        if complete + self.line_length + part.len() > self.limits.event {
            return Some(self.line_too_large(chunk, start, end, last_event_id));
        }
        let Some(length) = end else {
            self.data.push(part);
            self.line_length += part.len();
            self.drop_name();
            return Some(self.need_more(chunk));
        };
        self.end_line(chunk, length);
        if self.pending & VALUE != 0 {
            self.pending &= !VALUE;
            self.push_data_line(rest, 0, length);
            return None;
        }
        self.data.push(part);
        let line = &self.data.bytes()[self.data_length..];
        match Field::parse(line) {
            Field::Comment(_) => {
                self.data.remove(self.data_length, 1);
                self.line_length = 0;
                return Some(Step::Comment(Place::Held));
            }
            Field::Data(value) => {
                let name_length = line.len() - value.len();
                self.data.remove(self.data_length, name_length);
                self.push_data(b"");
            }
            Field::Event(name) if name.len() > self.limits.event_type => {
                return Some(self.line_too_large(chunk, start, end, last_event_id));
            }
            Field::Event(name) => self.event_type.set(name),
            Field::Id(id) if self.is_too_long(id) => {
                let at = self.offset(chunk, start) - self.line_length as u64;
                let step = self.id_too_long(id, at);
                self.drop_line();
                return Some(step);
            }
            Field::Id(id) => {
                self.id.set(id);
                self.pending |= ID;
            }
            Field::Retry(time) => {
                self.drop_line();
                return Some(Step::Retry(time));
            }
            Field::Ignored => {}
        }
        self.drop_line();
        None
    }

    /// Drops the name of the current line if the line is known to be a `data` line. Then the rest of its value can
    /// be appended directly.
    fn drop_name(&mut self) {
        if self.pending & LINE != 0
            && let Some(value) = data_so_far(self.comment())
        {
            let name_length = self.comment().len() - value.len();
            self.data.remove(self.data_length, name_length);
            self.pending ^= LINE | VALUE;
        }
    }

    /// Handles a line from an earlier chunk that makes the block too large. Its part in this chunk is from `start`
    /// to `end`.
    #[cold]
    fn line_too_large(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
        end: Option<usize>,
        last_event_id: &mut impl LastEventId,
    ) -> Step {
        let at = match self.pending & BLOCK {
            0 => self.offset(chunk, start) - self.line_length as u64,
            _ => self.block_at,
        };
        chunk.at = start;
        self.too_large(chunk, &Block::default(), end, at, last_event_id)
    }

    /// Drops the line after the data.
    fn drop_line(&mut self) {
        self.data.truncate(self.data_length);
        self.pending &= !LINE;
    }

    /// Drops the block except its ID, and the line that made it too large. `end` is the end of the line, if it is
    /// in the chunk.
    pub(super) fn too_large(
        &mut self,
        chunk: &mut Chunk<'_>,
        block: &Block,
        end: Option<usize>,
        at: u64,
        last_event_id: &mut impl LastEventId,
    ) -> Step {
        let has_id = self.commit_id(chunk, block, last_event_id);
        self.clear();
        self.pending = RESYNCHRONIZE;
        // This line is not held in `data`, so its length must not be 0.
        self.line_length = 1;
        self.skip_line(chunk, end);
        Step::TooLarge(DecodeError::TooLarge {
            limit: self.limits.event,
            at,
            has_id,
        })
    }

    /// Drops lines up to the next blank line, except their IDs.
    fn resynchronize(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Step> {
        while !chunk.rest().is_empty() {
            let end = find_end(chunk.rest());
            let is_blank = end == Some(0) && self.line_length == 0;
            self.find_id(chunk.rest(), end, last_event_id);
            self.skip_line(chunk, end);
            if is_blank {
                self.pending &= !RESYNCHRONIZE;
                return None;
            }
        }
        Some(self.need_more(chunk))
    }

    fn skip_line(&mut self, chunk: &mut Chunk<'_>, end: Option<usize>) {
        if let Some(length) = end {
            self.line_length = 0;
            self.end_line(chunk, length);
        } else {
            self.line_length = self.line_length.saturating_add(chunk.rest().len());
            chunk.at = chunk.bytes.len();
        }
    }
}
