//! State that spans chunks: it is stored at the end of a chunk and resumed at the start of the next.

use core::ops::BitOr;

use super::{
    Block, LastEventId, Parsed, Parser, Span,
    buffer::Buffer,
    field::{Field, partial_data_value},
    line::{find_line_end, find_long_line_end},
};
use crate::{chunk::Chunk, error::DecodeError};

/// Encoding of U+FEFF. At the start of a stream, it is not part of the stream.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Minimum length of a long line, in bytes.
const LONG_LINE_BYTES: usize = 64;

/// Set of the kinds of work that the last chunk or the last item left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags(u16);

impl Flags {
    /// The stream may still start with a byte order mark.
    pub(super) const START: Self = Self(1);
    /// The last chunk ended in a CR, which ended the last line.
    pub(super) const SKIP_LF: Self = Self(1 << 1);
    /// The caller has borrowed the buffers, and the block in them is complete.
    pub(super) const BORROWED: Self = Self(1 << 2);
    /// The buffers hold an incomplete block, which starts at `block_offset`.
    pub(super) const BLOCK: Self = Self(1 << 3);
    /// The block in the buffers has an ID.
    pub(super) const ID: Self = Self(1 << 4);
    /// The data in the buffer is followed by the start of a line, or by a comment that the caller has borrowed.
    const LINE: Self = Self(1 << 5);
    /// The data in the buffer is followed by the start of the value of a `data` line.
    const VALUE: Self = Self(1 << 6);
    /// An event was too large, and its block is not complete.
    const RESYNCHRONIZE: Self = Self(1 << 7);
    /// The chunk ended inside a comment that is dropped.
    const COMMENT: Self = Self(1 << 8);
    /// The chunk is at the start of a block that is already parsed: `ready`.
    pub(super) const READY: Self = Self(1 << 9);

    #[inline(always)]
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether all of these flags are set.
    #[inline(always)]
    pub(super) const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Returns whether at least one of these flags is set.
    #[inline(always)]
    const fn intersects(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    #[inline(always)]
    pub(super) const fn insert(&mut self, flags: Self) {
        self.0 |= flags.0;
    }

    #[inline(always)]
    pub(super) const fn remove(&mut self, flags: Self) {
        self.0 &= !flags.0;
    }

    /// Removes all flags except these.
    #[inline(always)]
    pub(super) const fn keep(&mut self, flags: Self) {
        self.0 &= flags.0;
    }
}

impl BitOr for Flags {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl<S: Buffer> Parser<S> {
    /// Ends the chunk.
    #[inline]
    pub(super) fn need_more(&mut self, chunk: &mut Chunk<'_>) -> Parsed {
        chunk.take_rest();
        self.count_taken(chunk);
        Parsed::NeedMore
    }

    /// Adds the bytes taken from a chunk to the position. The chunk is not used again.
    pub(crate) fn count_taken(&mut self, chunk: &mut Chunk<'_>) {
        self.chunk_offset += chunk.newly_taken();
    }

    /// Returns whether the stream is inside an event that would set or dispatch something. An event that is too
    /// large does not count, because an error has reported it.
    pub(crate) fn is_inside_event(&self) -> bool {
        if self
            .pending
            .intersects(Flags::BORROWED | Flags::RESYNCHRONIZE)
        {
            return false;
        }
        // An incomplete byte order mark becomes the start of a line if the rest does not follow.
        let is_cut_line = self.pending.intersects(Flags::LINE | Flags::START)
            && self.line_length > 0
            && !self.comment().starts_with(b":");
        is_cut_line
            || self.pending.intersects(Flags::VALUE | Flags::ID)
            || self.data_length > 0
            || self.event_type.len() > 0
    }

    /// Stores the incomplete line at the end of the chunk, and the part of the block before it. Of a `data` line,
    /// only the value is stored, directly after the data of the block.
    pub(super) fn buffer_line(&mut self, chunk: &mut Chunk<'_>, mut block: Block) -> Parsed {
        let line = chunk.rest();
        if line[0] != b':' {
            block.start.get_or_insert(chunk.offset);
        }
        self.buffer_block(chunk, &block);
        self.line_length = line.len();
        if let Some(value) = partial_data_value(line) {
            self.data.push(value);
            self.pending.insert(Flags::VALUE);
        } else {
            self.data.push(line);
            self.pending.insert(Flags::LINE);
        }
        self.need_more(chunk)
    }

    /// Stores the part of an incomplete block that lies in the chunk.
    pub(super) fn buffer_block(&mut self, chunk: &Chunk<'_>, block: &Block) {
        let Some(start) = block.start else { return };
        if !self.pending.contains(Flags::BLOCK) {
            self.pending.insert(Flags::BLOCK);
            self.block_offset = self.stream_offset(chunk, start);
        }
        if let Some(event_type) = block.event_type {
            self.event_type.set(event_type.slice(chunk, || &[]));
        }
        if let Some(id) = block.id {
            self.id.set(id.slice(chunk, || &[]));
            self.pending.insert(Flags::ID);
        }
        if let Some(data) = block.data {
            self.push_data(data.slice(chunk, || &[]));
        }
    }

    /// Does the work that the last chunk and the last item left. If it returns `None`, the chunk is at the start
    /// of a line.
    #[inline(always)]
    pub(super) fn resume(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Parsed> {
        if self.pending.intersects(
            Flags::BORROWED
                | Flags::START
                | Flags::SKIP_LF
                | Flags::RESYNCHRONIZE
                | Flags::READY
                | Flags::COMMENT,
        ) {
            if self.pending.contains(Flags::READY)
                && let Some(parsed) = self.take_ready_block(chunk, last_event_id)
            {
                return Some(parsed);
            }
            if self.pending.contains(Flags::COMMENT) {
                self.skip_comment(chunk);
                if self.pending.contains(Flags::COMMENT) {
                    return Some(self.need_more(chunk));
                }
            }
            if self.pending.contains(Flags::BORROWED) {
                self.clear();
            }
            if self.pending.contains(Flags::START) {
                self.skip_bom(chunk);
            }
            if self.pending.contains(Flags::SKIP_LF) && !chunk.rest().is_empty() {
                self.pending.remove(Flags::SKIP_LF);
                chunk.offset += usize::from(chunk.rest()[0] == b'\n');
            }
            if self.pending.contains(Flags::RESYNCHRONIZE) {
                return self.resynchronize(chunk, last_event_id);
            }
        }
        if self.pending.contains(Flags::LINE) && self.line_length == 0 {
            // The line was a comment, which the caller had borrowed.
            self.drop_line();
        }
        if !self.pending.intersects(Flags::LINE | Flags::VALUE) {
            return None;
        }
        self.continue_line(chunk, last_event_id)
    }

    /// Skips a byte order mark: "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if
    /// any."
    fn skip_bom(&mut self, chunk: &mut Chunk<'_>) {
        while let Some(&first) = chunk.rest().first() {
            if first == BOM[self.line_length] {
                chunk.offset += 1;
                self.line_length += 1;
                if self.line_length < BOM.len() {
                    continue;
                }
                self.line_length = 0;
            } else if self.line_length > 0 {
                // It was not a byte order mark. Its bytes start the first line.
                self.data.push(&BOM[..self.line_length]);
                self.pending.insert(Flags::BLOCK | Flags::LINE);
                self.block_offset = 0;
            }
            self.pending.remove(Flags::START);
            return;
        }
    }

    /// Drops a comment up to its end, or up to the end of the chunk.
    pub(super) fn skip_comment(&mut self, chunk: &mut Chunk<'_>) {
        if let Some(length) = find_line_end(chunk.rest()) {
            self.pending.remove(Flags::COMMENT);
            self.end_line(chunk, length);
        } else {
            self.pending.insert(Flags::COMMENT);
            chunk.take_rest();
        }
    }

    /// Continues a line that started in an earlier chunk.
    fn continue_line(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Parsed> {
        let (rest, start) = (chunk.rest(), chunk.offset);
        // A line that is already long probably continues for long.
        let end = if self.line_length >= LONG_LINE_BYTES && rest.len() >= LONG_LINE_BYTES {
            find_long_line_end(rest)
        } else {
            find_line_end(rest)
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
        if self.pending.contains(Flags::VALUE) {
            self.pending.remove(Flags::VALUE);
            self.push_data_line(rest, 0, length);
            return None;
        }
        self.data.push(part);
        let line = &self.data.bytes()[self.data_length..];
        match Field::parse(line) {
            Field::Comment(_) => {
                self.data.remove(self.data_length, 1);
                self.line_length = 0;
                return Some(Parsed::Comment(Span::Buffer));
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
                let offset = self.stream_offset(chunk, start) - self.line_length as u64;
                let error = self.id_too_long(id, offset);
                self.drop_line();
                return Some(error);
            }
            Field::Id(id) => {
                self.id.set(id);
                self.pending.insert(Flags::ID);
            }
            Field::Retry(time) => {
                self.drop_line();
                return Some(Parsed::Retry(time));
            }
            Field::Ignored => {}
        }
        self.drop_line();
        None
    }

    /// Drops the name of the current line if the line is known to be a `data` line. Then the rest of its value can
    /// be appended directly.
    fn drop_name(&mut self) {
        if self.pending.contains(Flags::LINE)
            && let Some(value) = partial_data_value(self.comment())
        {
            let name_length = self.comment().len() - value.len();
            self.data.remove(self.data_length, name_length);
            self.pending.remove(Flags::LINE);
            self.pending.insert(Flags::VALUE);
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
    ) -> Parsed {
        let offset = if self.pending.contains(Flags::BLOCK) {
            self.block_offset
        } else {
            self.stream_offset(chunk, start) - self.line_length as u64
        };
        chunk.offset = start;
        self.too_large(chunk, &Block::default(), end, offset, last_event_id)
    }

    /// Drops the line after the data.
    fn drop_line(&mut self) {
        self.data.truncate(self.data_length);
        self.pending.remove(Flags::LINE);
    }

    /// Drops the block except its ID, and the line that made it too large. `end` is the end of the line, if it is
    /// in the chunk.
    pub(super) fn too_large(
        &mut self,
        chunk: &mut Chunk<'_>,
        block: &Block,
        end: Option<usize>,
        offset: u64,
        last_event_id: &mut impl LastEventId,
    ) -> Parsed {
        let has_id = self.commit_id(chunk, block, last_event_id);
        self.clear();
        self.pending = Flags::RESYNCHRONIZE;
        // This line is not buffered in `data`, so its length must not be 0.
        self.line_length = 1;
        self.skip_line(chunk, end);
        Parsed::TooLarge(DecodeError::TooLarge {
            limit: self.limits.event,
            offset,
            has_id,
        })
    }

    /// Drops lines up to the next blank line, except their IDs.
    fn resynchronize(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Parsed> {
        while !chunk.rest().is_empty() {
            let end = find_line_end(chunk.rest());
            let is_blank = end == Some(0) && self.line_length == 0;
            self.commit_id_of_dropped_line(chunk.rest(), end, last_event_id);
            self.skip_line(chunk, end);
            if is_blank {
                self.pending.remove(Flags::RESYNCHRONIZE);
                return None;
            }
        }
        Some(self.need_more(chunk))
    }

    /// Commits the ID of a dropped line, if the line has one. The part of such a line in earlier chunks is buffered
    /// in `data`, which holds nothing else.
    fn commit_id_of_dropped_line(
        &mut self,
        rest: &[u8],
        end: Option<usize>,
        last_event_id: &mut impl LastEventId,
    ) {
        let part = &rest[..end.unwrap_or(rest.len())];
        let buffered = self.data.len();
        let is_complete = buffered == self.line_length;
        let may_be_id = || {
            let start = self.data.bytes().iter().chain(part);
            start.zip(b"id:").all(|(byte, expected)| byte == expected)
        };
        if !is_complete || buffered + part.len() > self.limits.event || !may_be_id() {
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

    fn skip_line(&mut self, chunk: &mut Chunk<'_>, end: Option<usize>) {
        if let Some(length) = end {
            self.line_length = 0;
            self.end_line(chunk, length);
        } else {
            self.line_length = self.line_length.saturating_add(chunk.rest().len());
            chunk.take_rest();
        }
    }
}
