//! Parser from chunks of bytes to blocks, for every decoder of this crate.

// For maintainers
//
// The standard defines an event stream as follows
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream):
//
// ```text
// stream        = [ bom ] *event
// event         = *( comment / field ) end-of-line
// comment       = colon *any-char end-of-line
// field         = 1*name-char [ colon [ space ] *any-char ] end-of-line
// end-of-line   = ( cr lf / cr / lf )
//
// ; characters
// lf            = %x000A ; U+000A LINE FEED (LF)
// cr            = %x000D ; U+000D CARRIAGE RETURN (CR)
// space         = %x0020 ; U+0020 SPACE
// colon         = %x003A ; U+003A COLON (:)
// bom           = %xFEFF ; U+FEFF BYTE ORDER MARK
// name-char     = %x0000-0009 / %x000B-000C / %x000E-0039 / %x003B-10FFFF
//                 ; a scalar value other than U+000A LINE FEED (LF), U+000D CARRIAGE RETURN (CR), or U+003A COLON (:)
// any-char      = %x0000-0009 / %x000B-000C / %x000E-10FFFF
//                 ; a scalar value other than U+000A LINE FEED (LF) or U+000D CARRIAGE RETURN (CR)
// ```
//
//
// [`Parser::next`] is called with a [`Chunk`] until the chunk is empty. It has these parts:
//
// - `slow_block`, in this file, parses a block line by line. It does not copy values: `Block` has their spans in the
//   chunk.
// - `resume.rs` has the state that spans chunks. If the chunk ends before the block, the values are copied to the
//   buffers (`buffer_block`), and so is the incomplete line at the end of the chunk (`buffer_line`). Before the next
//   line, `resume` does the work that the last chunk or the last item left. Each flag in `pending` stands for such
//   work. Between two blocks, no flag is set.
// - `fast.rs` has fast paths for blocks that lie completely in the chunk, if no flag is set: `fast_data_line` for one
//   `data` line or a comment, and `fast_block` for more fields. Nearly all events take them. They only save time:
//   `slow_block` has the same result.
// - `parsed.rs` has the result of the parser, and converts it to bytes.
// - `line.rs` searches for line ends, `field.rs` parses a line, and `buffer.rs` has the two kinds of buffers.
//
// Small and frequent functions are inlined into the loop of the caller. A tiny event takes five nanoseconds, and
// returning an item through a call takes as long again. For the same reason, the fast paths search for the end of a
// value before they check whether it starts with a space. The start of the next event depends only on the end, so the
// processor need not wait for the check.
//
// **A CR at the end of a chunk** ends its line at once, because the event may be due and an LF may never follow.
// `end_line` sets `SKIP_LF`, and `resume` drops an LF at the start of the next chunk. Inside a chunk, `end_line` takes
// the LF together with its CR.
//
// **UTF-8** does not matter here. The grammar searches only for ASCII bytes. An ASCII byte is never part of a longer
// sequence, and it ends a sequence that was cut short. So values can be converted to text when their event is
// dispatched. U+FFFD then has the same place as if the stream was decoded first, as in the standard.
//
// **The limit** counts the bytes that are buffered for an event at any time: type, data with an LF for each line, ID,
// and the whole current line. A value counts the same in a buffer and in the chunk, because the result must not depend
// on how the stream is split. If the limit is exceeded (`too_large`), everything up to the next blank line is dropped
// (`resynchronize`), except the ID. If the client reconnected with the previous ID, it would get the same event again,
// forever.
//
// **The limit on IDs** counts the text that is kept after the event. In it, U+FFFD can take more bytes than it
// replaces. The limit is checked at the end of the line, like the NUL, and with the same result (`id_too_long`): the
// field is ignored, and the block continues.
//
// **To change it**: a field is parsed in three places: in `slow_block`, in `continue_line` for a line that spans
// chunks, and in `fast_block`. A flag in `pending` sends everything that follows through the slow path. So a flag that
// stays set slows down every event: `resume` has to remove it, and `clear` keeps only `START` and `SKIP_LF`. A fast
// path may give up at any byte, but not after it has changed the state. Test each change with a case in `testdata/`,
// which is split at every position, and with `cargo xtask fuzz`.

pub(crate) mod buffer;
mod fast;
pub(crate) mod field;
pub(crate) mod line;
mod parsed;
mod resume;

use buffer::Buffer;
use fast::BlockSpans;
use field::Field;
use line::{OPTIMIZE_FOR_SIZE, find_line_end};
pub(crate) use parsed::{LastEventId, Parsed, Span};
use resume::Flags;

use crate::{chunk::Chunk, error::DecodeError};

/// Default limit of the decoders on event IDs: 8 KiB.
///
/// The standard has no limit. But an ID is kept after its event and is sent back in a header. Servers accept 8 KB
/// to 64 KB for all headers together.
pub const DEFAULT_MAX_ID_BYTES: usize = 8 * 1024;

/// Length of U+FFFD, in bytes. Each byte can become U+FFFD, so text is at most this many times as long as its
/// bytes.
const REPLACEMENT_BYTES: usize = char::REPLACEMENT_CHARACTER.len_utf8();

/// Parser of a stream. It buffers only what spans chunks.
#[derive(Debug)]
pub(crate) struct Parser<S> {
    /// Work that is left from the last chunk or the last item.
    pending: Flags,
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
    /// True if blocks without data are returned, as events whose data is [`Span::NO_VALUE`].
    #[cfg(feature = "alloc")]
    returns_all_blocks: bool,
    /// Block for the flag `READY`.
    ready: BlockSpans,
    /// Number of bytes before the current chunk.
    chunk_offset: u64,
    /// Position of the block's start in the stream.
    block_offset: u64,
}

/// Limits on the bytes that are buffered.
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
    event_type: Option<Span>,
    data: Option<Span>,
    id: Option<Span>,
}

impl<S: Buffer> Parser<S> {
    pub(crate) fn new(limits: Limits, [data, event_type, id]: [S; 3]) -> Self {
        Self {
            pending: Flags::START,
            data,
            data_length: 0,
            event_type,
            id,
            line_length: 0,
            limits,
            comments: true,
            #[cfg(feature = "alloc")]
            returns_all_blocks: false,
            ready: BlockSpans::default(),
            chunk_offset: 0,
            block_offset: 0,
        }
    }

    /// Sets the limit for the event, and with it the limit for its type.
    #[cfg(feature = "alloc")]
    pub(crate) fn set_max_event_bytes(&mut self, limit: usize) {
        self.limits.event = limit;
        self.limits.event_type = limit;
    }

    /// Returns the limit on IDs, in bytes of their text.
    #[cfg(feature = "alloc")]
    pub(crate) fn max_id_bytes(&self) -> usize {
        self.limits.id
    }

    pub(crate) fn set_max_id_bytes(&mut self, limit: usize) {
        self.limits.id = limit;
    }

    /// Sets whether comments are returned.
    pub(crate) fn set_comments(&mut self, enabled: bool) {
        self.comments = enabled;
    }

    /// Returns also blocks without data.
    #[cfg(feature = "alloc")]
    pub(crate) fn return_all_blocks(&mut self) {
        self.returns_all_blocks = true;
    }

    /// Resets all state except the configuration, for the start of another stream.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.pending = Flags::START;
        self.line_length = 0;
        self.chunk_offset = 0;
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
    ) -> Parsed {
        if !self.pending.is_empty() || OPTIMIZE_FOR_SIZE {
            return self.parse_slow(chunk, last_event_id);
        }
        if let Some(parsed) = self.fast_data_line(chunk) {
            return parsed;
        }
        match chunk.rest() {
            [] => self.need_more(chunk),
            _ => self.parse_block(chunk, last_event_id),
        }
    }

    #[inline(never)]
    fn parse_slow(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Parsed {
        if let Some(parsed) = self.resume(chunk, last_event_id) {
            return parsed;
        }
        match chunk.rest() {
            [] => self.need_more(chunk),
            _ if self.pending.is_empty() && !OPTIMIZE_FOR_SIZE => {
                self.parse_block(chunk, last_event_id)
            }
            _ => self.slow_block(chunk, last_event_id),
        }
    }

    #[inline(never)]
    fn parse_block(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Parsed {
        match self.fast_block(chunk, last_event_id) {
            Some(parsed) => parsed,
            None => self.slow_block(chunk, last_event_id),
        }
    }

    #[inline(never)]
    fn slow_block(
        &mut self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Parsed {
        let mut block = Block::default();
        // If the whole rest of the chunk is within the limit, so is each part of it.
        let near_limit = self.counted_bytes(&block) + chunk.rest().len() > self.limits.event;
        loop {
            let rest = chunk.rest();
            let start = chunk.offset;
            match rest {
                [] => {
                    self.buffer_block(chunk, &block);
                    return self.need_more(chunk);
                }
                [b'\r' | b'\n', ..] => {
                    self.end_line(chunk, 0);
                    if let Some(parsed) = self.dispatch(chunk, &block, last_event_id) {
                        return parsed;
                    }
                    // The next block may take the fast path.
                    block = Block::default();
                    if self.pending.is_empty()
                        && !OPTIMIZE_FOR_SIZE
                        && let Some(parsed) = self.fast_data_line(chunk)
                    {
                        return parsed;
                    }
                    continue;
                }
                [b':', ..] if !self.comments => {
                    self.skip_comment(chunk);
                    continue;
                }
                _ => {}
            }
            let end = find_line_end(rest);
            let length = end.unwrap_or(rest.len());
            if near_limit && self.counted_bytes(&block) + length > self.limits.event {
                let offset = self.block_start(chunk, block.start.unwrap_or(start));
                return self.too_large(chunk, &block, end, offset, last_event_id);
            }
            if end.is_none() {
                return self.buffer_line(chunk, block);
            }
            self.end_line(chunk, length);
            let span = |value: &[u8]| Span::Chunk(start + length - value.len(), start + length);
            let field = Field::parse(&rest[..length]);
            if let Field::Comment(text) = field {
                self.buffer_block(chunk, &block);
                return Parsed::Comment(span(text));
            }
            block.start.get_or_insert(start);
            match field {
                Field::Data(data) => {
                    // A single `data` line is not copied.
                    if block.data.is_none() && self.data_length == 0 {
                        block.data = Some(span(data));
                    } else {
                        if let Some(first) = block.data.take() {
                            self.push_data(first.slice(chunk, || &[]));
                        }
                        self.push_data_line(rest, length - data.len(), length);
                        if !near_limit && !OPTIMIZE_FOR_SIZE {
                            self.fast_more_data(chunk);
                        }
                    }
                }
                Field::Event(name) if name.len() > self.limits.event_type => {
                    let offset = self.block_start(chunk, block.start.unwrap_or(start));
                    chunk.offset = start;
                    return self.too_large(chunk, &block, end, offset, last_event_id);
                }
                // "Set the event type buffer to the field value."
                Field::Event(name) => block.event_type = Some(span(name)),
                Field::Id(id) if self.is_too_long(id) => {
                    let offset = self.stream_offset(chunk, start);
                    self.buffer_block(chunk, &block);
                    return self.id_too_long(id, offset);
                }
                // "Set the last event ID buffer to the field value."
                Field::Id(id) => block.id = Some(span(id)),
                Field::Retry(time) => {
                    self.buffer_block(chunk, &block);
                    return Parsed::Retry(time);
                }
                Field::Comment(_) | Field::Ignored => {}
            }
        }
    }

    /// Takes a line and its end: CR LF, LF or CR. If a CR ends the chunk, the next chunk may start with its LF.
    #[inline(always)]
    fn end_line(&mut self, chunk: &mut Chunk<'_>, length: usize) {
        match chunk.rest()[length..] {
            [b'\r', b'\n', ..] => chunk.offset += length + 2,
            [b'\r'] => {
                chunk.offset += length + 1;
                self.pending.insert(Flags::SKIP_LF);
            }
            _ => chunk.offset += length + 1,
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
    ) -> Option<Parsed> {
        let buffered = |is_buffered: bool| is_buffered.then_some(Span::Buffer);
        self.commit_id(chunk, block, last_event_id);
        // "2. If the data buffer is an empty string, set the data buffer and the event type buffer
        // to the empty string and return."
        let data = block.data.or_else(|| buffered(self.data_length > 0));
        #[cfg(feature = "alloc")]
        let data = data.or_else(|| self.returns_all_blocks.then_some(Span::NO_VALUE));
        let Some(data) = data else {
            self.clear();
            return None;
        };
        let event_type = block
            .event_type
            .or_else(|| buffered(self.event_type.len() > 0))
            .filter(|span| *span == Span::Buffer || span.len() > 0);
        if self.pending.contains(Flags::BLOCK) || self.data_length > 0 {
            self.pending.insert(Flags::BORROWED);
        }
        Some(Parsed::Event { event_type, data })
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
    fn counted_bytes(&self, block: &Block) -> usize {
        let length = |span: Option<Span>, buffer: &S| span.map_or(buffer.len(), Span::len);
        self.data_length
            + block.data.map_or(0, |data| data.len() + 1)
            + length(block.event_type, &self.event_type)
            + length(block.id, &self.id)
    }

    /// Returns the position of the block in the stream. `index` is the start of its part in the chunk.
    fn block_start(&self, chunk: &Chunk<'_>, index: usize) -> u64 {
        if self.pending.contains(Flags::BLOCK) {
            self.block_offset
        } else {
            self.stream_offset(chunk, index)
        }
    }

    /// Returns the position in the stream of the byte at this index of the chunk.
    fn stream_offset(&self, chunk: &Chunk<'_>, index: usize) -> u64 {
        self.chunk_offset + chunk.newly_taken_up_to(index)
    }

    /// Commits the ID of the block, and returns whether the block has one.
    ///
    /// "1. Set the last event ID string of the event source to the value of the last event ID buffer." That buffer
    /// outlives the block, so a block without an ID changes nothing.
    #[inline(always)]
    fn commit_id(
        &self,
        chunk: &Chunk<'_>,
        block: &Block,
        last_event_id: &mut impl LastEventId,
    ) -> bool {
        let buffered = self.pending.contains(Flags::ID).then_some(Span::Buffer);
        let Some(id) = block.id.or(buffered) else {
            return false;
        };
        last_event_id.commit(id.slice(chunk, || self.id.bytes()));
        true
    }

    /// Returns whether the value of an `id` field is longer than allowed.
    #[inline(always)]
    fn is_too_long(&self, id: &[u8]) -> bool {
        let limit = self.limits.id;
        // Text is never shorter than its bytes, so the text of a long ID need not be measured.
        id.len() > limit || (id.len() > limit / REPLACEMENT_BYTES && text_length(id) > limit)
    }

    /// Returns the error for an ID that is ignored. `offset` is the start of its line in the stream.
    #[cold]
    fn id_too_long(&self, id: &[u8], offset: u64) -> Parsed {
        let limit = self.limits.id;
        Parsed::TooLarge(DecodeError::IdTooLong {
            length: if id.len() > limit {
                id.len()
            } else {
                text_length(id)
            },
            limit,
            offset,
        })
    }

    /// Drops the block in the buffers.
    fn clear(&mut self) {
        self.data.truncate(0);
        self.data_length = 0;
        self.event_type.truncate(0);
        self.id.truncate(0);
        self.pending.keep(Flags::START | Flags::SKIP_LF);
    }
}

/// Returns the length of these bytes as text, in bytes.
#[cold]
fn text_length(bytes: &[u8]) -> usize {
    let part = |valid: &str, invalid: &[u8]| match invalid {
        [] => valid.len(),
        _ => valid.len() + REPLACEMENT_BYTES,
    };
    bytes
        .utf8_chunks()
        .map(|chunk| part(chunk.valid(), chunk.invalid()))
        .sum()
}
