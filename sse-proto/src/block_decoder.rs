//! Decoder for blocks as they were sent.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{
    Chunk, DecodeError, EventId,
    decoder::text::{push_lossy, to_text},
    parser::{LastEventId, Limits, Parsed, Parser, Span},
};

/// Fields between two blank lines of a stream.
///
/// A [`MessageEvent`](crate::MessageEvent) is what a client gets of it. A block is what the server has sent: also
/// fields without data, and an ID only if this block has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// Value of the last `event` field, unless it is empty.
    pub event_type: Option<String>,
    /// Values of the `data` fields, joined by LF.
    pub data: Option<String>,
    /// Value of the last `id` field without NUL. It may be empty.
    pub id: Option<EventId>,
    /// Value of the last `retry` field of ASCII digits.
    pub retry: Option<Duration>,
}

/// Decoder that returns each [`Block`] of a stream, also one without data.
///
/// Use it to pass a stream on, or for protocols on top of event streams in which blocks without data have a meaning. A
/// client uses [`Decoder`](crate::Decoder), which is faster, and which follows the standard: a block without data is no
/// event.
///
/// Comments and unknown fields are ignored. Blocks that have nothing else are not returned. An incomplete block at the
/// end of a stream is not returned either.
///
/// ```
/// use sse_proto::{BlockDecoder, Chunk};
///
/// let mut decoder = BlockDecoder::new();
/// let mut chunk = Chunk::from("retry: 500\nid: 7\n\ndata: a\n\n");
/// let first = decoder.decode(&mut chunk)?.unwrap();
/// assert_eq!((first.id, first.data), (Some(7.into()), None));
/// let second = decoder.decode(&mut chunk)?.unwrap();
/// assert_eq!((second.id, second.data.as_deref()), (None, Some("a")));
/// # Ok::<(), sse_proto::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct BlockDecoder {
    parser: Parser<Vec<u8>>,
    id: BlockId,
    retry: Option<Duration>,
}

impl BlockDecoder {
    /// Creates a decoder at the start of a stream, with the [default limit](crate::DEFAULT_MAX_EVENT_BYTES).
    pub fn new() -> Self {
        let mut parser = Parser::new(Limits::default(), [const { Vec::new() }; 3]);
        parser.set_comments(false);
        parser.return_all_blocks();
        Self {
            parser,
            id: BlockId::default(),
            retry: None,
        }
    }

    /// Sets the maximum number of bytes that the decoder buffers for a block, as
    /// [`Decoder::max_event_bytes`](crate::Decoder::max_event_bytes). The default is
    /// [`DEFAULT_MAX_EVENT_BYTES`](crate::DEFAULT_MAX_EVENT_BYTES).
    #[must_use]
    pub fn max_block_bytes(mut self, limit: usize) -> Self {
        self.parser.set_max_event_bytes(limit);
        self
    }

    /// Decodes a part of the chunk and returns at most one block.
    ///
    /// Call it until it returns `None`. Then the chunk is empty, and the next chunk can be decoded. Invalid UTF-8 is
    /// replaced by U+FFFD, as in [`Decoder::decode`](crate::Decoder::decode).
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`] and [`DecodeError::IdTooLong`]. The rest of the chunk can still be decoded: call
    /// again. The ID of a block that is too large comes with the next block, unless that one has another ID.
    pub fn decode(&mut self, chunk: &mut Chunk<'_>) -> Result<Option<Block>, DecodeError> {
        loop {
            let parsed = self.parser.next(chunk, &mut self.id);
            self.parser.count_taken(chunk);
            let parser = &self.parser;
            match parsed {
                Parsed::NeedMore => return Ok(None),
                Parsed::TooLarge(error) => return Err(error),
                Parsed::Retry(time) => self.retry = Some(time),
                Parsed::Comment(_) => {}
                Parsed::Event { event_type, data } => {
                    let block = Block {
                        event_type: event_type
                            .map(|span| to_text(span.slice(chunk, || parser.event_type()))),
                        data: (data != Span::NO_VALUE)
                            .then(|| to_text(data.slice(chunk, || parser.data()))),
                        id: self.id.0.take().map(|id| EventId::from_decoded(&id)),
                        retry: self.retry.take(),
                    };
                    if block != Block::default() {
                        return Ok(Some(block));
                    }
                }
            }
        }
    }

    /// Returns whether the stream is inside a block, which is lost if the stream ends here.
    pub fn is_inside_block(&self) -> bool {
        self.retry.is_some() || self.parser.is_inside_event()
    }
}

impl Default for BlockDecoder {
    fn default() -> Self {
        Self::new()
    }
}

/// ID of the current block. It does not outlive the block, unlike that of a client.
#[derive(Debug, Default)]
struct BlockId(Option<String>);

impl LastEventId for BlockId {
    fn commit(&mut self, id: &[u8]) {
        let text = self.0.get_or_insert_default();
        text.clear();
        push_lossy(text, id);
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or("").as_bytes()
    }
}
