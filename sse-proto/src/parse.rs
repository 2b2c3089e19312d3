//! The algorithm: chunks of bytes to blocks, for every decoder of this crate.
//!
//! # For the next reader
//!
//! [`Parser::next`] is called with a [`Chunk`] until that has no more. It has these parts:
//!
//! - `simple`, and after it `typed`: a block that is one `data` line, maybe behind an `event` line,
//!   all in this chunk, when nothing is pending. That is nearly every event there is, so it touches
//!   no state at all. They only save time: `block` would come to the same.
//! - `block`: any other block, line by line. Values stay where they are, as places in the chunk
//!   (`Block`). When the chunk ends before the block does, they are copied to the buffers (`hold`),
//!   and so is the line that the chunk cuts (`hold_line`).
//! - `catch_up`: before that, whatever the last chunk or the last item left to do. `pending` says
//!   what: one flag for each such thing, and none at all between two blocks.
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
//! (`too_large`) all is dropped up to the next blank line (`resynchronize`).

use core::time::Duration;

use crate::{
    DecodeError, Item, MessageEvent,
    chunk::Chunk,
    field::{Field, data_so_far, without_space},
    line::find_end,
    store::Store,
};

/// The encoding of U+FEFF. One at the start of a stream is no part of it.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The stream may yet start with a byte order mark.
const START: u8 = 1;
/// The last line ended in CR, with which the chunk ended.
const SKIP_LF: u8 = 1 << 1;
/// The buffers were lent to the caller, and the block in them is over.
const LENT: u8 = 1 << 2;
/// There is a block in the buffers that is not over. It started at `block_at`.
const BLOCK: u8 = 1 << 3;
/// The block in the buffers has an ID.
const ID: u8 = 1 << 4;
/// Behind the data is the start of a line (or a comment that was lent).
const LINE: u8 = 1 << 5;
/// Behind the data is the start of the value of a `data` line.
const VALUE: u8 = 1 << 6;
/// An event was too large, and its block is not over.
const RESYNCHRONIZE: u8 = 1 << 7;

/// Reads a stream, and holds of it what lies in more than one chunk.
#[derive(Debug)]
pub(crate) struct Parser<S> {
    pending: u8,
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
    /// The bytes taken before the current chunk, and where in the stream the block started.
    position: u64,
    block_at: u64,
}

/// How much is held, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For an event as a whole.
    pub(crate) event: usize,
    /// For its type, and for its ID, alone.
    pub(crate) name: usize,
}

/// What the parser came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// The end of the chunk.
    NeedMore,
    /// The end of a block with data. An empty type is none.
    Event {
        event_type: Option<Place>,
        data: Place,
        id: Option<Place>,
    },
    /// The end of a block with an ID but no data.
    Id(Place),
    Comment(Place),
    Retry(Duration),
    /// A block that is larger than allowed.
    TooLarge(DecodeError),
}

/// The last event ID string, which outlives blocks and connections.
pub(crate) trait LastEventId {
    /// "Set the last event ID string of the event source to the value of the last event ID buffer."
    fn commit(&mut self, id: &[u8]);

    fn bytes(&self) -> &[u8];
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the parser's buffer for it.
    Held,
    /// In the chunk, from here to there.
    Chunk(usize, usize),
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

/// The value of the field with this name, and where the next line starts, if there is one here.
#[inline(always)]
fn field(bytes: &[u8], at: usize, name: &[u8]) -> Option<(Place, usize)> {
    let value = without_space(bytes[at..].strip_prefix(name)?);
    whole_line(bytes, bytes.len() - value.len())
}

impl Place {
    /// The value, given the buffer for it.
    #[inline]
    pub(crate) fn slice<'a>(self, chunk: &Chunk<'a>, held: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Held => held,
            Self::Chunk(start, end) => &chunk.bytes[start..end],
        }
    }

    /// How long a value in a chunk is.
    fn len(self) -> usize {
        match self {
            Self::Held => 0,
            Self::Chunk(start, end) => end - start,
        }
    }
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
            position: 0,
            block_at: 0,
        }
    }

    /// Forgets all but the limits, for the start of another stream.
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

    pub(crate) fn id(&self) -> &[u8] {
        self.id.bytes()
    }

    pub(crate) fn comment(&self) -> &[u8] {
        &self.data.bytes()[self.data_length..]
    }

    /// Takes what it needs from the chunk to come to the next step.
    #[inline]
    pub(crate) fn next(&mut self, chunk: &mut Chunk<'_>) -> Step {
        if self.pending == 0
            && let Some(step) = self.simple(chunk)
        {
            return step;
        }
        self.not_simple(chunk)
    }

    #[inline(never)]
    fn not_simple(&mut self, chunk: &mut Chunk<'_>) -> Step {
        let step = match self.pending {
            0 => self.typed(chunk),
            _ => self.catch_up(chunk),
        };
        step.unwrap_or_else(|| self.block(chunk))
    }

    /// The short way for the second most frequent block: `event`, then `data`.
    fn typed(&self, chunk: &mut Chunk<'_>) -> Option<Step> {
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
            id: None,
        })
    }

    /// Takes what it needs from the chunk to come to the next item, as bytes.
    #[inline]
    pub(crate) fn next_bytes<'a, 'i: 'a>(
        &'a mut self,
        last_event_id: &'a mut impl LastEventId,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a [u8]>>, DecodeError> {
        loop {
            return Ok(Some(match self.next(chunk) {
                Step::NeedMore => return Ok(None),
                Step::TooLarge(error) => return Err(error),
                Step::Retry(time) => Item::Retry(time),
                Step::Comment(comment) => Item::Comment(comment.slice(chunk, self.comment())),
                Step::Id(id) => {
                    last_event_id.commit(id.slice(chunk, self.id()));
                    continue;
                }
                Step::Event {
                    event_type,
                    data,
                    id,
                } => {
                    if let Some(id) = id {
                        last_event_id.commit(id.slice(chunk, self.id()));
                    }
                    Item::Event(MessageEvent {
                        event_type: event_type
                            .map_or(b"message", |place| place.slice(chunk, self.event_type())),
                        data: data.slice(chunk, self.data()),
                        last_event_id: last_event_id.bytes(),
                    })
                }
            }));
        }
    }

    /// The short way for what nearly every stream is made of: a block of one `data` line, or a
    /// comment line, all in this chunk. It leaves everything as it was if it meets anything else.
    #[inline(always)]
    fn simple(&self, chunk: &mut Chunk<'_>) -> Option<Step> {
        let (bytes, start) = (chunk.bytes, chunk.at);
        if let Some((data, next)) = field(bytes, start, b"data:") {
            chunk.at = blank_line(bytes, next).filter(|next| next - start <= self.limits.event)?;
            return Some(Step::Event {
                event_type: None,
                data,
                id: None,
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

    #[inline(never)]
    fn block(&mut self, chunk: &mut Chunk<'_>) -> Step {
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
                    if let Some(step) = self.dispatch(&block) {
                        return step;
                    }
                    // Between two blocks again: the next may well be a simple one.
                    block = Block::default();
                    if self.pending == 0
                        && let Some(step) = self.simple(chunk)
                    {
                        return step;
                    }
                    continue;
                }
                _ => {}
            }
            let end = find_end(rest);
            let length = end.unwrap_or(rest.len());
            if near_limit && self.held(&block) + length > self.limits.event {
                let at = self.block_at(chunk, block.start.unwrap_or(start));
                return self.too_large(chunk, end, at);
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
                    // "Append the field value to the data buffer, then append a single U+000A LINE
                    // FEED (LF) character to the data buffer." One line can stay where it is.
                    if block.data.is_none() && self.data_length == 0 {
                        block.data = Some(place(data));
                    } else {
                        if let Some(first) = block.data.take() {
                            self.push_data(first.slice(chunk, &[]));
                        }
                        if rest[length] == b'\n' {
                            // The LF that is to follow it does.
                            self.data.push(&rest[length - data.len()..=length]);
                            self.data_length = self.data.len();
                        } else {
                            self.push_data(data);
                        }
                    }
                }
                Field::Event(name) | Field::Id(name) if name.len() > self.limits.name => {
                    let at = self.block_at(chunk, block.start.unwrap_or(start));
                    chunk.at = start;
                    return self.too_large(chunk, end, at);
                }
                // "Set the event type buffer to the field value."
                Field::Event(name) => block.event_type = Some(place(name)),
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
    fn dispatch(&mut self, block: &Block) -> Option<Step> {
        let held = |is: bool| is.then_some(Place::Held);
        let id = block.id.or_else(|| held(self.pending & ID != 0));
        let step = match block.data.or_else(|| held(self.data_length > 0)) {
            Some(data) => Step::Event {
                event_type: block
                    .event_type
                    .or_else(|| held(self.event_type.len() > 0))
                    .filter(|place| *place == Place::Held || place.len() > 0),
                data,
                id,
            },
            // "If the data buffer is an empty string, set the data buffer and the event type buffer
            // to the empty string and return." By then, the last event ID has been set.
            None => match id {
                Some(id) => Step::Id(id),
                None => {
                    self.clear();
                    return None;
                }
            },
        };
        if self.pending & BLOCK != 0 || self.data_length > 0 {
            self.pending |= LENT;
        }
        Some(step)
    }

    /// The end of the chunk.
    #[inline]
    fn need_more(&mut self, chunk: &mut Chunk<'_>) -> Step {
        chunk.at = chunk.bytes.len();
        self.leave(chunk);
        Step::NeedMore
    }

    /// Counts what was taken of a chunk that will not be seen again.
    pub(crate) fn leave(&mut self, chunk: &mut Chunk<'_>) {
        self.position += chunk.newly_taken();
    }

    /// Keeps a line that the chunk cuts, and what it has of the block before it. Of a `data` line,
    /// only the value is kept, right behind the data that it belongs to.
    fn hold_line(&mut self, chunk: &mut Chunk<'_>, mut block: Block) -> Step {
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

    /// Keeps what lies in the chunk of a block that is not over.
    fn hold(&mut self, chunk: &Chunk<'_>, block: &Block) {
        let Some(start) = block.start else { return };
        if self.pending & BLOCK == 0 {
            self.pending |= BLOCK;
            self.block_at = self.offset(chunk, start);
        }
        if let Some(event_type) = block.event_type {
            self.event_type.set(event_type.slice(chunk, &[]));
        }
        if let Some(id) = block.id {
            self.id.set(id.slice(chunk, &[]));
            self.pending |= ID;
        }
        if let Some(data) = block.data {
            self.push_data(data.slice(chunk, &[]));
        }
    }

    /// "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF)
    /// character to the data buffer."
    #[inline]
    fn push_data(&mut self, value: &[u8]) {
        self.data.push(value);
        self.data.push(b"\n");
        self.data_length = self.data.len();
    }

    /// Does what the last chunk and the last item left to do. After it, unless it comes to a step of
    /// its own, the chunk is at the start of a line.
    #[inline]
    fn catch_up(&mut self, chunk: &mut Chunk<'_>) -> Option<Step> {
        if self.pending & (LENT | START | SKIP_LF | RESYNCHRONIZE) != 0 {
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
                return self.resynchronize(chunk);
            }
        }
        if self.pending & LINE != 0 && self.line_length == 0 {
            // It was a comment, and was lent.
            self.drop_line();
        }
        match self.pending & (LINE | VALUE) {
            0 => None,
            _ => self.continue_line(chunk),
        }
    }

    /// "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
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
                // Not a mark after all: what looked like one starts the first line.
                self.data.push(&BOM[..self.line_length]);
                self.pending |= BLOCK | LINE;
                self.block_at = 0;
            }
            self.pending &= !START;
            return;
        }
    }

    /// Goes on with a line that an earlier chunk started.
    fn continue_line(&mut self, chunk: &mut Chunk<'_>) -> Option<Step> {
        let rest = chunk.rest();
        let end = find_end(rest);
        let part = &rest[..end.unwrap_or(rest.len())];
        let at = match self.pending & BLOCK {
            0 => self.offset(chunk, chunk.at) - self.line_length as u64,
            _ => self.block_at,
        };
        let complete = self.data_length + self.event_type.len() + self.id.len();
        if complete + self.line_length + part.len() > self.limits.event {
            return Some(self.too_large(chunk, end, at));
        }
        self.data.push(part);
        self.line_length += part.len();
        let Some(length) = end else {
            if self.pending & LINE != 0
                && let Some(value) = data_so_far(self.comment())
            {
                let name_length = self.comment().len() - value.len();
                self.data.remove(self.data_length, name_length);
                self.pending ^= LINE | VALUE;
            }
            return Some(self.need_more(chunk));
        };
        let line_at = chunk.at;
        self.end_line(chunk, length);
        self.line_length = 0;
        if self.pending & VALUE != 0 {
            self.pending &= !VALUE;
            self.push_data(b"");
            return None;
        }
        let line = &self.data.bytes()[self.data_length..];
        match Field::parse(line) {
            Field::Comment(_) => {
                self.data.remove(self.data_length, 1);
                return Some(Step::Comment(Place::Held));
            }
            Field::Data(value) => {
                let name_length = line.len() - value.len();
                self.data.remove(self.data_length, name_length);
                self.push_data(b"");
            }
            Field::Event(name) | Field::Id(name) if name.len() > self.limits.name => {
                chunk.at = line_at;
                return Some(self.too_large(chunk, end, at));
            }
            Field::Event(name) => self.event_type.set(name),
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

    /// Drops the line behind the data.
    fn drop_line(&mut self) {
        self.data.truncate(self.data_length);
        self.pending &= !LINE;
    }

    /// Drops the block, and the line that made it too large, which ends at `end` or not yet.
    fn too_large(&mut self, chunk: &mut Chunk<'_>, end: Option<usize>, at: u64) -> Step {
        self.clear();
        self.pending = RESYNCHRONIZE;
        self.skip_line(chunk, end);
        Step::TooLarge(DecodeError::TooLarge {
            limit: self.limits.event,
            at,
        })
    }

    /// Drops lines up to the next blank line. `line_length` only says whether there was anything of
    /// the line in an earlier chunk.
    fn resynchronize(&mut self, chunk: &mut Chunk<'_>) -> Option<Step> {
        while !chunk.rest().is_empty() {
            let end = find_end(chunk.rest());
            let is_blank = end == Some(0) && self.line_length == 0;
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
            self.line_length = 1;
            chunk.at = chunk.bytes.len();
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
