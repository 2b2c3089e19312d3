//! Chunks of bytes to events.
//!
//! # For the next reader
//!
//! The bytes of a block are kept as they came and read as UTF-8 only when the event is dispatched.
//! That gives what the standard's order (decode first, then split) gives: all that the grammar looks
//! for is ASCII, an ASCII byte is never part of a longer UTF-8 sequence, and one ends any sequence
//! that was cut short. So U+FFFD falls in the same places, and chunks that cut a character need no
//! care at all.
//!
//! An item borrows the decoder's buffers, so they are cleared by the call after the one that lent
//! them (`lent`).

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{
    error::DecodeError,
    event::EventRef,
    field::Field,
    line::{Line, LineReader},
};

/// The limit of a [`Decoder`] if none is given: 16 MiB.
pub const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Reads an event stream that arrives in chunks of any size
/// ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)).
///
/// However the stream is cut, empty chunks included, the same items come out. An event that the
/// stream leaves unfinished is never handed out, as the standard wants it.
#[derive(Debug)]
pub struct Decoder {
    lines: LineReader,
    block: Block,
    last_event_id: String,
    limit: usize,
    /// An event was too large: what is left of its block is dropped.
    resynchronizing: bool,
    /// The block was lent to the caller, and is over.
    lent: bool,
}

/// What a stream says, one thing at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event was dispatched.
    Event(EventRef<'a>),
    /// The stream set the reconnection time. At most `u64::MAX` milliseconds.
    Retry(Duration),
    /// A comment: all that follows its colon. It says that the connection lives.
    Comment(&'a str),
}

/// The buffers of the event that is being read: "When a stream is parsed, a *data* buffer, an
/// *event type* buffer, and a *last event ID* buffer must be associated with it."
#[derive(Debug, Default)]
struct Block {
    /// Where it starts in the stream, once it has a line.
    start: Option<u64>,
    event_type: Text,
    /// The values of all `data` fields so far, each followed by LF.
    data: Text,
    /// The value of the last `id` field, if there was one.
    id: Option<Text>,
    comment: Text,
}

impl Decoder {
    /// A decoder at the start of a stream, with the [default limit](DEFAULT_LIMIT).
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A decoder that holds at most about `limit` bytes for an event.
    ///
    /// What counts are the bytes of the event's type, data and ID as they came, and of the line that
    /// is being read, whatever it is. Allocations may be twice as large, and three times as large
    /// again for text that is not UTF-8.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            lines: LineReader::default(),
            block: Block::default(),
            last_event_id: String::new(),
            limit,
            resynchronizing: false,
            lent: false,
        }
    }

    /// Takes what it needs from the front of `input` and returns at most one item.
    ///
    /// Call it until it returns `None`: then `input` is empty, and the next chunk can come. An item
    /// borrows from `input` and the decoder, and has to be let go before the next call.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`]. Nothing that follows the event is lost: call again.
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        if self.lent {
            self.lent = false;
            self.block.clear();
        }
        loop {
            let allowed = if self.resynchronizing {
                0
            } else {
                self.limit.saturating_sub(self.block.held())
            };
            let line = match self.lines.next(input, allowed) {
                Line::NeedMore => return Ok(None),
                Line::TooLong(_) if self.resynchronizing => continue,
                Line::TooLong(start) => {
                    let at = self.block.start.unwrap_or(start);
                    let limit = self.limit;
                    self.block.clear();
                    self.resynchronizing = true;
                    return Err(DecodeError::TooLarge { limit, at });
                }
                Line::Complete([], _) => {
                    self.resynchronizing = false;
                    if self.dispatch() {
                        break;
                    }
                    continue;
                }
                Line::Complete(line, start) => {
                    self.block.start.get_or_insert(start);
                    line
                }
            };
            match Field::parse(line) {
                Field::Data(value) => {
                    // "Append the field value to the data buffer, then append a single U+000A LINE
                    // FEED (LF) character to the data buffer."
                    self.block.data.push(value);
                    self.block.data.push(b"\n");
                }
                // "Set the event type buffer to the field value."
                Field::Event(value) => self.block.event_type.set(value),
                // "Set the last event ID buffer to the field value."
                Field::Id(value) => self.block.id.get_or_insert_default().set(value),
                Field::Retry(reconnection_time) => {
                    return Ok(Some(Item::Retry(reconnection_time)));
                }
                Field::Comment(text) => {
                    self.block.comment.set(text);
                    return Ok(Some(Item::Comment(self.block.comment.read())));
                }
                Field::Ignored => {}
            }
        }
        self.lent = true;
        Ok(Some(Item::Event(EventRef {
            event_type: self.block.event_type.read(),
            data: self.block.data.read(),
            last_event_id: &self.last_event_id,
        })))
    }

    /// What a reconnection would send as `Last-Event-ID`; empty if there is none. It changes with
    /// the blank line that ends a block, also if the block has no data.
    #[doc(alias = "lastEventId")]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Ends the block ([dispatch the event](https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage)),
    /// and says whether there is an event to lend.
    fn dispatch(&mut self) -> bool {
        // "1. Set the last event ID string of the event source to the value of the last event ID
        // buffer." That buffer outlives the block, so a block without ID changes nothing.
        if let Some(id) = &mut self.block.id {
            self.last_event_id.clear();
            self.last_event_id.push_str(id.read());
        }
        // "2. If the data buffer is an empty string, set the data buffer and the event type buffer
        // to the empty string and return."
        if self.block.data.bytes.is_empty() {
            self.block.clear();
            return false;
        }
        // "3. If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove
        // the last character from the data buffer."
        self.block.data.bytes.pop();
        true
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Block {
    /// The bytes that count against the limit.
    fn held(&self) -> usize {
        let id = self.id.as_ref().map_or(0, |id| id.bytes.len());
        self.event_type.bytes.len() + self.data.bytes.len() + id
    }

    fn clear(&mut self) {
        self.start = None;
        self.event_type.bytes.clear();
        self.data.bytes.clear();
        self.id = None;
    }
}

/// Bytes as they came, read as UTF-8.
#[derive(Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    /// What `bytes` read as, if they are not UTF-8.
    replaced: String,
}

impl Text {
    fn set(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.push(bytes);
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The text, each maximal subpart of an ill-formed sequence replaced by U+FFFD
    /// ([Encoding Standard, UTF-8 decoder](https://encoding.spec.whatwg.org/#utf-8-decoder)).
    fn read(&mut self) -> &str {
        if let Ok(text) = core::str::from_utf8(&self.bytes) {
            return text;
        }
        self.replaced.clear();
        for chunk in self.bytes.utf8_chunks() {
            self.replaced.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.replaced.push(char::REPLACEMENT_CHARACTER);
            }
        }
        &self.replaced
    }
}
