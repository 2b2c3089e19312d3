//! The decoder for all who have an allocator: text, bytes, or shared bytes out.
//!
//! How a stream is read is in `parse.rs`; here its bytes become text.

use alloc::{string::String, vec::Vec};

use crate::{
    Chunk, DecodeError, Item, MessageEvent,
    parse::{LastEventId, Limits, Parser, Place, Step},
    text::{as_text, push_lossy},
};

/// The limit of a [`Decoder`] if none is given: 16 MiB.
pub const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Reads an event stream that arrives in chunks of any size
/// ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)).
///
/// However the stream is cut, empty chunks included, the same items come out. An event that the
/// stream leaves unfinished is never handed out, as the standard wants it.
///
/// An event that lies in one chunk is lent from there; one that does not is put together in the
/// decoder, which copies each byte once and keeps its memory for the next.
#[derive(Debug)]
pub struct Decoder {
    pub(crate) parser: Parser<Vec<u8>>,
    pub(crate) last_event_id: String,
    /// What a type and data read as that are not UTF-8.
    replaced: [String; 2],
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
        let limits = Limits {
            event: limit,
            name: limit,
        };
        Self {
            parser: Parser::new(limits, [const { Vec::new() }; 3]),
            last_event_id: String::new(),
            replaced: [const { String::new() }; 2],
        }
    }

    /// Takes what it needs from the chunk and returns at most one item.
    ///
    /// Call it until it returns `None`: then the chunk is empty, and the next can come. An item
    /// borrows from the chunk and the decoder, and has to be let go before the next call.
    ///
    /// What is not UTF-8 reads as U+FFFD, one for each maximal subpart of an ill-formed sequence
    /// ([Encoding Standard](https://encoding.spec.whatwg.org/#utf-8-decoder)).
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`]. Nothing that follows the event is lost: call again.
    #[inline]
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a str>>, DecodeError> {
        loop {
            let start = chunk.at;
            let step = self.parser.next(chunk);
            return Ok(Some(match step {
                Step::NeedMore => return Ok(None),
                Step::TooLarge(error) => return Err(error),
                Step::Retry(time) => Item::Retry(time),
                Step::Id(id) => {
                    self.commit(chunk, id);
                    continue;
                }
                Step::Comment(comment) => {
                    let (held, replaced) = (self.parser.comment(), &mut self.replaced[1]);
                    Item::Comment(read(chunk, start, comment, held, replaced))
                }
                Step::Event {
                    event_type,
                    data,
                    id,
                } => {
                    if let Some(id) = id {
                        self.commit(chunk, id);
                    }
                    let Self {
                        parser, replaced, ..
                    } = self;
                    let [type_replaced, data_replaced] = replaced;
                    Item::Event(MessageEvent {
                        event_type: event_type.map_or("message", |place| {
                            read(chunk, start, place, parser.event_type(), type_replaced)
                        }),
                        data: read(chunk, start, data, parser.data(), data_replaced),
                        last_event_id: &self.last_event_id,
                    })
                }
            }));
        }
    }

    /// The same, with the bytes as they came: nothing is checked, nothing is replaced. Only the last
    /// event ID is text in any case, for it has to be sent back as such.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode).
    #[inline]
    pub fn decode_bytes<'a, 'i: 'a>(
        &'a mut self,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a [u8]>>, DecodeError> {
        self.parser.next_bytes(&mut self.last_event_id, chunk)
    }

    /// What a reconnection would send as `Last-Event-ID`; empty if there is none. It changes with
    /// the blank line that ends a block, also if the block has no data.
    #[doc(alias = "lastEventId")]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Starts over, for the stream of another connection. An event that was not finished is gone;
    /// the last event ID stays, and so does the memory.
    pub fn reset(&mut self) {
        self.parser.reset();
    }

    /// "Set the last event ID string of the event source to the value of the last event ID buffer."
    fn commit(&mut self, chunk: &Chunk<'_>, id: Place) {
        self.last_event_id.commit(id.slice(chunk, self.parser.id()));
    }
}

impl LastEventId for String {
    fn commit(&mut self, id: &[u8]) {
        self.clear();
        push_lossy(self, id);
    }

    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// The text of a value: known already, or known now, or with what is wrong replaced. What was taken
/// of the chunk for it starts at `from`.
#[inline]
fn read<'a, 'i: 'a>(
    chunk: &mut Chunk<'i>,
    from: usize,
    place: Place,
    held: &'a [u8],
    replaced: &'a mut String,
) -> &'a str {
    if let Place::Chunk(start, end) = place {
        chunk.text.look_ahead(chunk.bytes, from, chunk.at);
        if let Some(text) = chunk.text.get(start, end) {
            return text;
        }
    }
    let bytes = place.slice(chunk, held);
    as_text(bytes).unwrap_or_else(|| {
        replaced.clear();
        push_lossy(replaced, bytes);
        replaced
    })
}
