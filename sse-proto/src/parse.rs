//! Parser from chunks of bytes to blocks, for every decoder of this crate.
//!
//! # For maintainers
//!
//! [`Parser::next`] is called with a [`Chunk`] until the chunk is empty. It has these parts:
//!
//! - `block`, in this file, parses a block line by line. It does not copy values: `Block` has their positions in
//!   the chunk.
//! - `pending.rs` has the state that spans chunks. If the chunk ends before the block, the values are copied to
//!   the buffers (`hold`), and so is the incomplete line at the end of the chunk (`hold_line`). Before the next
//!   line, `catch_up` does the work that the last chunk or the last item left. Each flag in `pending` stands for
//!   such work. Between two blocks, no flag is set.
//! - `simple.rs` has fast paths for blocks that lie completely in the chunk, if no flag is set: `simple` for one
//!   `data` line or a comment, and `whole` for more fields. Nearly all events take them. They only save time:
//!   `block` has the same result. `whole.rs` has the positions of the values in such a block.
//! - `step.rs` has the result of the parser, and `bytes.rs` converts it to bytes.
//!
//! Small and frequent functions are inlined into the loop of the caller. A tiny event takes five nanoseconds, and
//! returning an item through a call takes as long again. For the same reason, the fast paths search for the end of
//! a value before they check whether it starts with a space. The start of the next event depends only on the end,
//! so the processor need not wait for the check.
//!
//! **A CR at the end of a chunk** ends its line at once, because the event may be due and an LF may never follow.
//! `end_line` sets `SKIP_LF`, and `catch_up` drops an LF at the start of the next chunk. Inside a chunk,
//! `end_line` takes the LF together with its CR.
//!
//! **UTF-8** does not matter here. The grammar searches only for ASCII bytes. An ASCII byte is never part of a
//! longer sequence, and it ends a sequence that was cut short. So values can be converted to text when their event
//! is dispatched. U+FFFD then has the same place as if the stream was decoded first, as in the standard.
//!
//! **The limit** counts the bytes that are held for an event at any time: type, data with an LF for each line, ID,
//! and the whole current line. A value counts the same in a buffer and in the chunk, because the result must not
//! depend on how the stream is split. If the limit is exceeded (`too_large`), everything up to the next blank line
//! is dropped (`resynchronize`), except the ID. If the client reconnected with the previous ID, it would get the
//! same event again, forever.
//!
//! **The limit on IDs** counts the text that is kept after the event. In it, U+FFFD can take more bytes than it
//! replaces. The limit is checked at the end of the line, like the NUL, and with the same result (`id_too_long`):
//! the field is ignored, and the block continues.
//!
//! **To change it**: a field is parsed in three places: in `block`, in `continue_line` for a line that spans
//! chunks, and in `whole`. A flag in `pending` sends everything that follows through the slow path. So a flag that
//! stays set slows down every event: `catch_up` has to clear it, and `clear` keeps only `START` and `SKIP_LF`. A
//! fast path may give up at any byte, but not after it has changed the state. Test each change with a case in
//! `testdata/`, which is split at every position, and with `cargo xtask fuzz`.

mod bytes;
mod id;
mod pending;
mod simple;
mod step;
mod whole;

pub use id::DEFAULT_MAX_ID_BYTES;

pub(crate) use step::{LastEventId, Place, Step};
use whole::Whole;

use crate::{
    chunk::Chunk,
    field::Field,
    line::{OPTIMIZE_FOR_SIZE, find_end},
    store::Store,
};

/// The stream may still start with a byte order mark.
const START: u16 = 1;
/// The last chunk ended in a CR, which ended the last line.
const SKIP_LF: u16 = 1 << 1;
/// The caller has borrowed the buffers, and the block in them is complete.
const LENT: u16 = 1 << 2;
/// The buffers hold an incomplete block, which starts at `block_at`.
const BLOCK: u16 = 1 << 3;
/// The block in the buffers has an ID.
const ID: u16 = 1 << 4;
/// The data in the buffer is followed by the start of a line, or by a comment that the caller has borrowed.
const LINE: u16 = 1 << 5;
/// The data in the buffer is followed by the start of the value of a `data` line.
const VALUE: u16 = 1 << 6;
/// An event was too large, and its block is not complete.
const RESYNCHRONIZE: u16 = 1 << 7;
/// The chunk ended inside a comment that is dropped.
const COMMENT: u16 = 1 << 8;
/// The chunk is at the start of a block that is already parsed: `ready`.
const READY: u16 = 1 << 9;

/// Parser of a stream. It buffers only what spans chunks.
#[derive(Debug)]
pub(crate) struct Parser<S> {
    pending: u16,
    /// Values of the block's `data` fields, each with an LF after it, and then the current line.
    data: S,
    /// Length of the complete part of `data`.
    data_length: usize,
    event_type: S,
    id: S,
    /// Length of the current line up to here, as received.
    line_length: usize,
    limits: Limits,
    /// True if comments are returned.
    comments: bool,
    /// Block for the flag `READY`.
    ready: Whole,
    /// Number of bytes before the current chunk, and position of the block's start in the stream.
    position: u64,
    block_at: u64,
}

/// Limits on the bytes that are held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Limit for the whole event.
    pub(crate) event: usize,
    /// Limit for its type alone.
    pub(crate) event_type: usize,
    /// Limit for its ID alone, as text.
    pub(crate) id: usize,
}

/// Part of a block that lies in the current chunk.
#[derive(Default)]
struct Block {
    /// Position of its first field.
    start: Option<usize>,
    event_type: Option<Place>,
    data: Option<Place>,
    id: Option<Place>,
}

impl<S: Store> Parser<S> {
    pub(crate) fn new(limits: Limits, [data, event_type, id]: [S; 3]) -> Self {
        Self {
            pending: START,
            data,
            data_length: 0,
            event_type,
            id,
            line_length: 0,
            limits,
            comments: true,
            ready: Whole::default(),
            position: 0,
            block_at: 0,
        }
    }

    /// Sets the limit for the event, and with it the limit for its type.
    pub(crate) fn set_max_event_bytes(&mut self, limit: usize) {
        self.limits.event = limit;
        self.limits.event_type = limit;
    }

    /// Sets whether comments are returned.
    pub(crate) fn set_comments(&mut self, enabled: bool) {
        self.comments = enabled;
    }

    /// Resets all state except the configuration, for the start of another stream.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.pending = START;
        self.line_length = 0;
        self.position = 0;
    }

    /// Returns the data in the buffer, without the last LF.
    pub(crate) fn data(&self) -> &[u8] {
        &self.data.bytes()[..self.data_length.saturating_sub(1)]
    }

    pub(crate) fn event_type(&self) -> &[u8] {
        self.event_type.bytes()
    }

    pub(crate) fn comment(&self) -> &[u8] {
        &self.data.bytes()[self.data_length..]
    }

    /// Parses the chunk up to the next result.
    #[inline(always)]
    pub(crate) fn next(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Step {
        if self.pending != 0 || OPTIMIZE_FOR_SIZE {
            return self.go_on(chunk, last_event_id);
        }
        if let Some(step) = self.simple(chunk) {
            return step;
        }
        match chunk.rest() {
            [] => self.need_more(chunk),
            _ => self.not_simple(chunk, last_event_id),
        }
    }

    #[inline(never)]
    fn go_on(&mut self, chunk: &mut Chunk<'_>, last_event_id: &mut impl LastEventId) -> Step {
        if let Some(step) = self.catch_up(chunk, last_event_id) {
            return step;
        }
        match (chunk.rest(), self.pending) {
            ([], _) => self.need_more(chunk),
            (_, 0) if !OPTIMIZE_FOR_SIZE => self.not_simple(chunk, last_event_id),
            _ => self.block(chunk, last_event_id),
        }
    }

    #[inline(never)]
    fn not_simple(&mut self, chunk: &mut Chunk<'_>, last_event_id: &mut impl LastEventId) -> Step {
        match self.whole(chunk, last_event_id) {
            Some(step) => step,
            None => self.block(chunk, last_event_id),
        }
    }

    #[inline(never)]
    fn block(&mut self, chunk: &mut Chunk<'_>, last_event_id: &mut impl LastEventId) -> Step {
        let mut block = Block::default();
        // If the whole rest of the chunk is within the limit, so is each part of it.
        let near_limit = self.held(&block) + chunk.rest().len() > self.limits.event;
        loop {
            let rest = chunk.rest();
            let start = chunk.at;
            match rest {
                [] => {
                    self.hold(chunk, &block);
                    return self.need_more(chunk);
                }
                [b'\r' | b'\n', ..] => {
                    self.end_line(chunk, 0);
                    if let Some(step) = self.dispatch(chunk, &block, last_event_id) {
                        return step;
                    }
                    // The next block may take the fast path.
                    block = Block::default();
                    if self.pending == 0
                        && !OPTIMIZE_FOR_SIZE
                        && let Some(step) = self.simple(chunk)
                    {
                        return step;
                    }
                    continue;
                }
                [b':', ..] if !self.comments => {
                    self.skip_comment(chunk);
                    continue;
                }
                _ => {}
            }
            let end = find_end(rest);
            let length = end.unwrap_or(rest.len());
            if near_limit && self.held(&block) + length > self.limits.event {
                let at = self.block_at(chunk, block.start.unwrap_or(start));
                return self.too_large(chunk, &block, end, at, last_event_id);
            }
            if end.is_none() {
                return self.hold_line(chunk, block);
            }
            self.end_line(chunk, length);
            let place = |value: &[u8]| Place::Chunk(start + length - value.len(), start + length);
            let field = Field::parse(&rest[..length]);
            if let Field::Comment(text) = field {
                self.hold(chunk, &block);
                return Step::Comment(place(text));
            }
            block.start.get_or_insert(start);
            match field {
                Field::Data(data) => {
                    // A single `data` line is not copied.
                    if block.data.is_none() && self.data_length == 0 {
                        block.data = Some(place(data));
                    } else {
                        if let Some(first) = block.data.take() {
                            self.push_data(first.slice(chunk, || &[]));
                        }
                        self.push_data_line(rest, length - data.len(), length);
                        if !near_limit && !OPTIMIZE_FOR_SIZE {
                            self.more_data(chunk);
                        }
                    }
                }
                Field::Event(name) if name.len() > self.limits.event_type => {
                    let at = self.block_at(chunk, block.start.unwrap_or(start));
                    chunk.at = start;
                    return self.too_large(chunk, &block, end, at, last_event_id);
                }
                // "Set the event type buffer to the field value."
                Field::Event(name) => block.event_type = Some(place(name)),
                Field::Id(id) if self.is_too_long(id) => {
                    let at = self.offset(chunk, start);
                    self.hold(chunk, &block);
                    return self.id_too_long(id, at);
                }
                // "Set the last event ID buffer to the field value."
                Field::Id(id) => block.id = Some(place(id)),
                Field::Retry(time) => {
                    self.hold(chunk, &block);
                    return Step::Retry(time);
                }
                Field::Comment(_) | Field::Ignored => {}
            }
        }
    }

    /// Takes a line and its end: CR LF, LF or CR. If a CR ends the chunk, the next chunk may start with its LF.
    #[inline(always)]
    fn end_line(&mut self, chunk: &mut Chunk<'_>, length: usize) {
        match chunk.rest()[length..] {
            [b'\r', b'\n', ..] => chunk.at += length + 2,
            [b'\r'] => {
                chunk.at += length + 1;
                self.pending |= SKIP_LF;
            }
            _ => chunk.at += length + 1,
        }
    }

    /// Ends a block: "If the line is empty (a blank line), dispatch the event"
    /// ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage)).
    #[inline(always)]
    fn dispatch(
        &mut self,
        chunk: &Chunk<'_>,
        block: &Block,
        last_event_id: &mut impl LastEventId,
    ) -> Option<Step> {
        let held = |is: bool| is.then_some(Place::Held);
        self.commit_id(chunk, block, last_event_id);
        // "2. If the data buffer is an empty string, set the data buffer and the event type buffer
        // to the empty string and return."
        let Some(data) = block.data.or_else(|| held(self.data_length > 0)) else {
            self.clear();
            return None;
        };
        let event_type = block
            .event_type
            .or_else(|| held(self.event_type.len() > 0))
            .filter(|place| *place == Place::Held || place.len() > 0);
        if self.pending & BLOCK != 0 || self.data_length > 0 {
            self.pending |= LENT;
        }
        Some(Step::Event { event_type, data })
    }

    /// Appends a data line: "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF)
    /// character to the data buffer."
    #[inline]
    fn push_data(&mut self, value: &[u8]) {
        self.data.push(value);
        self.data.push_lf();
        self.data_length = self.data.len();
    }

    /// Appends a data line whose value ends at the end of its line.
    #[inline]
    fn push_data_line(&mut self, rest: &[u8], start: usize, end: usize) {
        if rest[end] == b'\n' {
            // The LF of the line is also the LF after the value.
            self.data.push(&rest[start..=end]);
            self.data_length = self.data.len();
        } else {
            self.push_data(&rest[start..end]);
        }
    }

    /// Returns the number of bytes that count against the limit, without the current line.
    fn held(&self, block: &Block) -> usize {
        let or_held = |place: Option<Place>, held: &S| place.map_or(held.len(), Place::len);
        self.data_length
            + block.data.map_or(0, |data| data.len() + 1)
            + or_held(block.event_type, &self.event_type)
            + or_held(block.id, &self.id)
    }

    /// Returns the position of the block in the stream. `index` is the start of its part in the chunk.
    fn block_at(&self, chunk: &Chunk<'_>, index: usize) -> u64 {
        match self.pending & BLOCK {
            0 => self.offset(chunk, index),
            _ => self.block_at,
        }
    }

    /// Returns the position in the stream of the byte at this index of the chunk.
    fn offset(&self, chunk: &Chunk<'_>, index: usize) -> u64 {
        self.position + chunk.since_last_time(index)
    }

    fn clear(&mut self) {
        self.data.truncate(0);
        self.data_length = 0;
        self.event_type.truncate(0);
        self.id.truncate(0);
        self.pending &= START | SKIP_LF;
    }
}
