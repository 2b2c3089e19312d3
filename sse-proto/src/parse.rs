//! The algorithm: chunks of bytes to blocks, for every decoder of this crate.
//!
//! # For the next reader
//!
//! [`Parser::next`] is called with a [`Chunk`] until that has no more. It has these parts:
//!
//! - `block`, here: a block, line by line. Values stay where they are, as places in the chunk
//!   (`Block`).
//! - `pending.rs`: what spans chunks. When the chunk ends before the block does, its values are
//!   copied to the buffers (`hold`), and so is the line that the chunk cuts (`hold_line`). Before
//!   the next line, `catch_up` does whatever the last chunk or the last item left to do. The flags
//!   in `pending` say what: one for each such thing, and none at all between two blocks.
//! - `simple.rs`: short ways for blocks that lie in the chunk as a whole, when nothing is pending:
//!   `simple` for one `data` line or a comment, `whole` for more fields. That is nearly every event
//!   there is. They only save time: `block` would come to the same. `whole.rs` is what they know of
//!   such a block.
//! - `step.rs`: what all of it comes to; `bytes.rs`: what that is in bytes.
//!
//! What is small and often taken is inlined into the caller's loop: a tiny event takes five
//! nanoseconds, and handing out an item through a call takes as long again. For the same reason the
//! short ways look for the end of a value before they look whether it starts with a space: where the
//! next event starts depends on the one, but not on the other, so the processor need not wait.
//!
//! **A CR at the end of a chunk** ends its line at once, for the event may be due and an LF may
//! never come. `end_line` notes it (`SKIP_LF`), and `catch_up` drops the LF that the next chunk may
//! start with. Inside a chunk, `end_line` takes the LF with its CR.
//!
//! **UTF-8** plays no part here. All that the grammar looks for is ASCII, an ASCII byte is never
//! part of a longer sequence, and one ends any sequence that was cut short. So values can be read
//! as text when their event is dispatched, and U+FFFD falls where decoding the stream first, as the
//! standard has it, would put it.
//!
//! **The limit** is on what is held for an event at any time: type, data with an LF for each line,
//! ID, and all of the line that is being read. It counts in the same way whether a value is in a
//! buffer or in the chunk, for how a stream is cut must not change what it says. Beyond it
//! (`too_large`) all is dropped up to the next blank line (`resynchronize`), but the ID: a client that came back with
//! the ID before would be sent the same event again, for ever.
//!
//! **The limit on IDs** is on the text that is kept after the event, where U+FFFD takes more bytes than what it
//! stands for. It is looked at when the line is over, as for the NUL, and with the same result (`id_too_long`):
//! the field is ignored, and the block goes on.
//!
//! **To change it**: a field is read in three places, `block`, `continue_line` where chunks cut its
//! line, and `whole`. A flag of `pending` sends all that follows the long way, so one that stays set
//! costs every event; `catch_up` has to clear it, and `clear` keeps only `START` and `SKIP_LF`. A
//! short way may give up at any byte, but not once it has changed anything. Whatever it is, a case in
//! `testdata/` cut at every place, and `cargo xtask fuzz`, find out.

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
    line::{SMALL, find_end},
    store::Store,
};

/// The stream may yet start with a byte order mark.
const START: u16 = 1;
/// The last line ended in CR, with which the chunk ended.
const SKIP_LF: u16 = 1 << 1;
/// The buffers were lent to the caller, and the block in them is over.
const LENT: u16 = 1 << 2;
/// There is a block in the buffers that is not over. It started at `block_at`.
const BLOCK: u16 = 1 << 3;
/// The block in the buffers has an ID.
const ID: u16 = 1 << 4;
/// Behind the data is the start of a line (or a comment that was lent).
const LINE: u16 = 1 << 5;
/// Behind the data is the start of the value of a `data` line.
const VALUE: u16 = 1 << 6;
/// An event was too large, and its block is not over.
const RESYNCHRONIZE: u16 = 1 << 7;
/// The chunk ended inside of a comment that nobody wants.
const COMMENT: u16 = 1 << 8;
/// The chunk is at the start of a block that is known already: `ready`.
const READY: u16 = 1 << 9;

/// Reads a stream, and holds of it what lies in more than one chunk.
#[derive(Debug)]
pub(crate) struct Parser<S> {
    pending: u16,
    /// The values of the block's `data` fields, an LF behind each; behind these, the line that is
    /// being read.
    data: S,
    /// How much of `data` is complete.
    data_length: usize,
    event_type: S,
    id: S,
    /// How long the line that is being read is so far, in the stream.
    line_length: usize,
    limits: Limits,
    /// Whether comments are wanted.
    comments: bool,
    /// The block of `READY`.
    ready: Whole,
    /// The bytes taken before the current chunk, and where in the stream the block started.
    position: u64,
    block_at: u64,
}

/// How much is held, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For an event as a whole.
    pub(crate) event: usize,
    /// For its type alone.
    pub(crate) event_type: usize,
    /// For its ID alone, as text.
    pub(crate) id: usize,
}

/// The part of a block that lies in the current chunk.
#[derive(Default)]
struct Block {
    /// Where its first field starts.
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

    /// Comments are not wanted.
    pub(crate) fn skip_comments(&mut self) {
        self.comments = false;
    }

    /// Forgets all but what it was told at first, for the start of another stream.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.pending = START;
        self.line_length = 0;
        self.position = 0;
    }

    /// The data that was lent, without the LF that is the last.
    pub(crate) fn data(&self) -> &[u8] {
        &self.data.bytes()[..self.data_length.saturating_sub(1)]
    }

    pub(crate) fn event_type(&self) -> &[u8] {
        self.event_type.bytes()
    }

    pub(crate) fn comment(&self) -> &[u8] {
        &self.data.bytes()[self.data_length..]
    }

    /// Takes what it needs from the chunk to come to the next step.
    #[inline(always)]
    pub(crate) fn next(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Step {
        if self.pending != 0 || SMALL {
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
            (_, 0) if !SMALL => self.not_simple(chunk, last_event_id),
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
        // If all that there is does not reach the limit, no part of it will.
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
                    // Between two blocks again: the next may well be a simple one.
                    block = Block::default();
                    if self.pending == 0
                        && !SMALL
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
                    // One line can stay where it is.
                    if block.data.is_none() && self.data_length == 0 {
                        block.data = Some(place(data));
                    } else {
                        if let Some(first) = block.data.take() {
                            self.push_data(first.slice(chunk, || &[]));
                        }
                        self.push_data_line(rest, length - data.len(), length);
                        if !near_limit && !SMALL {
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

    /// Takes a line and its end: CR LF, LF or CR. Behind a CR that ends the chunk, an LF may follow.
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

    /// "If the line is empty (a blank line), dispatch the event"
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

    /// "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF)
    /// character to the data buffer."
    #[inline]
    fn push_data(&mut self, value: &[u8]) {
        self.data.push(value);
        self.data.push_lf();
        self.data_length = self.data.len();
    }

    /// The same for a value that ends where its line does.
    #[inline]
    fn push_data_line(&mut self, rest: &[u8], start: usize, end: usize) {
        if rest[end] == b'\n' {
            // The LF that is to follow it does.
            self.data.push(&rest[start..=end]);
            self.data_length = self.data.len();
        } else {
            self.push_data(&rest[start..end]);
        }
    }

    /// What counts against the limit, without the line that is being read.
    fn held(&self, block: &Block) -> usize {
        let or_held = |place: Option<Place>, held: &S| place.map_or(held.len(), Place::len);
        self.data_length
            + block.data.map_or(0, |data| data.len() + 1)
            + or_held(block.event_type, &self.event_type)
            + or_held(block.id, &self.id)
    }

    /// Where in the stream the block starts, if its part in the chunk starts at this index.
    fn block_at(&self, chunk: &Chunk<'_>, index: usize) -> u64 {
        match self.pending & BLOCK {
            0 => self.offset(chunk, index),
            _ => self.block_at,
        }
    }

    /// Where in the stream the byte at this index of the chunk is.
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
